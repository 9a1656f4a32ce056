-- Integer division cuts towards zero; MOD has the sign of the dividend.
-- input t.json
{"id": 1, "k": "a", "v": 7}
{"id": 2, "k": "a", "v": -7}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT v / 2, MOD(v, 3), v % 4, ABS(v), -v FROM t;
-- expect INT | INT | INT | INT | INT
[3, 1, 3, 7, -7]
[-3, -1, -3, 7, 7]
