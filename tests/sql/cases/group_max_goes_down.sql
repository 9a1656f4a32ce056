-- MAX over an updating input goes down again: 9 was the last value of a, then 1.
-- input t.json
{"id": 1, "k": "a", "v": 9}
{"id": 2, "k": "b", "v": 5}
{"id": 3, "k": "a", "v": 1}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT MAX(v), MIN(v), SUM(v), COUNT(*) FROM (SELECT k, LAST_VALUE(v) AS v FROM t GROUP BY k);
-- expect INT | INT | INT | BIGINT
[5, 1, 6, 2]
