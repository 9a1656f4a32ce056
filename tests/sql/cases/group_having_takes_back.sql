-- A group that no longer satisfies HAVING is taken back.
-- input t.json
{"id": 1, "k": "a", "v": 1}
{"id": 2, "k": "b", "v": 5}
{"id": 3, "k": "a", "v": 2}
{"id": 4, "k": null, "v": 7}
{"id": 5, "k": "a", "v": null}
{"id": 6, "k": null, "v": 1}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, COUNT(*) FROM t GROUP BY k HAVING COUNT(*) < 3;
-- expect STRING | BIGINT
["b", 1]
[null, 2]
