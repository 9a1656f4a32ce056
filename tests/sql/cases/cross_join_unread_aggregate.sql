-- An aggregate without keys of no rows is no row, also where a join reads nothing of it.
-- input t.json
{"id": 1, "v": 1}
{"id": 2, "v": 2}
-- script
CREATE TABLE t (id INT, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT t.id FROM t CROSS JOIN (SELECT SUM(v) AS s FROM t WHERE v > 2) AS x WHERE t.id > 0
UNION ALL SELECT t.id + 10 FROM t CROSS JOIN (SELECT SUM(v) AS s FROM t WHERE v > 1) AS x;
-- expect INT
[11]
[12]
