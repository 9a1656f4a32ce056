-- AVG of integers is an integer, cut towards zero.
-- input t.json
{"id": 1, "k": "a", "v": 1}
{"id": 2, "k": "a", "v": 2}
{"id": 3, "k": "b", "v": -1}
{"id": 4, "k": "b", "v": -2}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, AVG(v), AVG(CAST(v AS DOUBLE)) FROM t GROUP BY k;
-- expect STRING | INT | DOUBLE
["a", 1, 1.5]
["b", -1, -1.5]
