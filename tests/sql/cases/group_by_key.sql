-- A continuous aggregation keeps one row a key; NULL is a key; NULL values are not aggregated.
-- input t.json
{"id": 1, "k": "a", "v": 1}
{"id": 2, "k": "b", "v": 5}
{"id": 3, "k": "a", "v": 2}
{"id": 4, "k": null, "v": 7}
{"id": 5, "k": "a", "v": null}
{"id": 6, "k": null, "v": 1}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, COUNT(*), COUNT(v), SUM(v), MIN(v), MAX(v) FROM t GROUP BY k;
-- expect STRING | BIGINT | BIGINT | INT | INT | INT
["a", 3, 2, 3, 1, 2]
["b", 1, 1, 5, 5, 5]
[null, 2, 2, 8, 1, 7]
