-- FIRST_VALUE and LAST_VALUE skip NULL; LISTAGG joins in order of arrival, by commas unless told.
-- input t.json
{"id": 1, "k": "a", "v": null}
{"id": 2, "k": "a", "v": 2}
{"id": 3, "k": "a", "v": 3}
{"id": 4, "k": "a", "v": null}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, FIRST_VALUE(v), LAST_VALUE(v), LISTAGG(CAST(v AS STRING)), LISTAGG(CAST(id AS STRING), '|') FROM t GROUP BY k;
-- expect STRING | INT | INT | STRING | STRING
["a", 2, 3, "2,3", "1|2|3|4"]
