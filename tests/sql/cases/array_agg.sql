-- Values in the order of their rows, NULL among them; of no rows NULL.
-- input t.json
{"k": "a", "v": 3}
{"k": "a", "v": null}
{"k": "b", "v": 5}
{"k": "a", "v": 1}
{"k": "a", "v": 3}
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, ARRAY_AGG(v), ARRAY_AGG(v) FILTER (WHERE v < 3), CARDINALITY(ARRAY_AGG(DISTINCT v)) FROM t GROUP BY k;
-- expect STRING | ARRAY | ARRAY | INT
["a", [3, null, 1, 3], [1], 2]
["b", [5], null, 1]
