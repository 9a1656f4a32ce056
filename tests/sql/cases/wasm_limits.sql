-- Rows of which a function gives up, never ends, takes all memory or calls itself forever are bad rows.
-- input t.json
{"v": 10}
{"v": 1}
{"v": 2}
{"v": null}
{"v": 3}
{"v": 4}
{"v": 5}
-- script
CREATE TABLE t (v BIGINT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION fussy AS '$dir/fussy.wasm' LANGUAGE WASM;
SELECT v, fussy(v) FROM t;
-- expect BIGINT | BIGINT
[10, 10]
[null, null]
[5, 5]
