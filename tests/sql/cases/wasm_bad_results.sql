-- A result that is no text, or that lies outside of the memory, is a bad row.
-- input t.json
{"id": 1, "s": "abcd"}
{"id": 2, "s": ""}
-- script
CREATE TABLE t (id INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION not_utf8 AS '$dir/typed.wasm' LANGUAGE WASM;
CREATE FUNCTION far_away AS '$dir/typed.wasm' LANGUAGE WASM;
SELECT 'utf8', id, not_utf8(s) FROM t
UNION ALL
SELECT 'far', id, CAST(far_away(s) AS STRING) FROM t;
-- expect STRING | INT | STRING
["utf8", 2, ""]
