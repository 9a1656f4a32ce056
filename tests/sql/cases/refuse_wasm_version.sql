-- A module made for another version of the interface.
-- input t.json
{"k": "a", "v": 1}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION f AS '$dir/future.wasm' LANGUAGE WASM;
SELECT f(1) FROM t;
-- refuse
line 2, column 1
`millrace 9`
`millrace 1`
