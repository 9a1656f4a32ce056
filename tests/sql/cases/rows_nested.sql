-- ROW, ARRAY and MAP are taken apart by name, position (from 1) and key.
-- input t.json
{"r": {"a": 1, "b": "x"}, "xs": [10, 20], "m": {"k": 5}}
{"r": null, "xs": [], "m": {}}
-- script
CREATE TABLE t (r ROW<a INT, b STRING>, xs ARRAY<INT>, m MAP<STRING, INT>) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT t.r.a, t.r.b, xs[2], CARDINALITY(xs), m['k'] FROM t;
-- expect INT | STRING | INT | INT | INT
[1, "x", 20, 2, 5]
[null, null, null, 0, null]
