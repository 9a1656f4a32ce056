-- A view, a common table expression and a subquery are the same thing.
-- input t.json
{"id": 1, "k": "a", "v": 1}
{"id": 2, "k": "b", "v": 2}
{"id": 3, "k": "c", "v": 3}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE VIEW big AS SELECT id, v FROM t WHERE v > 1;
WITH x AS (SELECT id, v * 10 AS w FROM big)
SELECT id, w + 1 FROM (SELECT * FROM x) AS y WHERE w < 30;
-- expect INT | INT
[2, 21]
