-- A user aggregate groups as others do: NULL is a row for it, FILTER leaves rows out, no row gives its result of nothing.
-- input t.json
{"k": "a", "v": 1}
{"k": "b", "v": 5}
{"k": "a", "v": 2}
{"k": null, "v": 7}
{"k": "a", "v": null}
{"k": "c", "v": null}
{"k": null, "v": 100}
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION total AS '$dir/total.wasm' LANGUAGE WASM;
CREATE FUNCTION total_added AS '$dir/total.wasm' LANGUAGE WASM;
SELECT k, total(v), TOTAL(v) FILTER (WHERE v < 10), total_added(v + 1), COUNT(*), total(1) FROM t GROUP BY k
UNION ALL
SELECT 'all', total(v), total(v) FILTER (WHERE v < 10), total_added(v + 1), COUNT(*), total(1) FROM t;
-- expect STRING | BIGINT | BIGINT | BIGINT | BIGINT | BIGINT
["a", 3, 3, 5, 3, 3]
["b", 5, 5, 6, 1, 1]
["c", null, null, null, 1, 1]
[null, 107, 7, 109, 2, 2]
["all", 115, 15, 120, 7, 7]
