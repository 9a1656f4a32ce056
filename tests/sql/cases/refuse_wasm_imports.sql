-- A function can ask nothing of its surroundings.
-- input t.json
{"k": "a", "v": 1}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION now_ms AS '$dir/imports.wasm' LANGUAGE WASM;
SELECT now_ms() FROM t;
-- refuse
line 2, column 1
clock_time_get
wasi_snapshot_preview1
without WASI
