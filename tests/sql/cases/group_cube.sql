-- CUBE gives every combination of its keys.
-- input t.json
{"id": 1, "k": "a", "v": 1}
{"id": 2, "k": "b", "v": 1}
{"id": 3, "k": "a", "v": 2}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, v, COUNT(*) FROM t GROUP BY CUBE (k, v);
-- expect STRING | INT | BIGINT
["a", 1, 1]
["b", 1, 1]
["a", 2, 1]
["a", null, 2]
["b", null, 1]
[null, 1, 2]
[null, 2, 1]
[null, null, 3]
