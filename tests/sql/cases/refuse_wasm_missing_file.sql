-- The file is not there.
-- input t.json
{"k": "a", "v": 1}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION f AS '$dir/nowhere.wasm' LANGUAGE WASM;
SELECT f(v) FROM t;
-- refuse
line 2, column 1
nowhere.wasm
relative to the working folder
