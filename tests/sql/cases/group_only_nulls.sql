-- Of NULLs alone: COUNT is 0, the others NULL.
-- input t.json
{"id": 1, "k": "a", "v": null}
{"id": 2, "k": "a", "v": null}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, COUNT(v), SUM(v), AVG(v), MIN(v), MAX(v) FROM t GROUP BY k;
-- expect STRING | BIGINT | INT | INT | INT | INT
["a", 0, null, null, null, null]
