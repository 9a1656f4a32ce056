-- A correlated COUNT is 0 where there is no row, in SELECT and in WHERE.
-- input o.json
{"id": 1, "k": "a"}
{"id": 2, "k": "z"}
-- input t.json
{"k": "a", "v": 5}
{"k": "a", "v": null}
-- script
CREATE TABLE o (id INT, k STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/o.json', 'format' = 'json');
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, (SELECT COUNT(*) FROM t WHERE t.k = o.k) AS n, (SELECT COUNT(v) FROM t WHERE t.k = o.k) AS v, (SELECT SUM(v) FROM t WHERE t.k = o.k) AS s FROM o
UNION ALL
SELECT id, -1, -1, -1 FROM o WHERE (SELECT COUNT(*) FROM t WHERE t.k = o.k) = 0;
-- expect INT | BIGINT | BIGINT | INT
[1, 2, 1, 5]
[2, 0, 0, null]
[2, -1, -1, -1]
