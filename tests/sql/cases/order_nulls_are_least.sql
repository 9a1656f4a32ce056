-- NULL comes first when ascending; the column that orders need not be selected; a subquery may be ordered.
-- input t.json
{"id": 1, "p": 5}
{"id": 2, "p": null}
{"id": 3, "p": 1}
{"id": 4, "p": 9}
-- script
CREATE TABLE t (id INT, p INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id + 10 AS id FROM (SELECT id FROM t ORDER BY p LIMIT 2);
-- expect INT
[12]
[13]
