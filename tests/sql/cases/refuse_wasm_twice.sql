-- Declared twice.
-- input t.json
{"k": "a", "v": 1}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION plus AS '$dir/numbers.wasm#add' LANGUAGE WASM;
CREATE FUNCTION PLUS AS '$dir/numbers.wasm#add' LANGUAGE WASM;
SELECT plus(v, v) FROM t;
-- refuse
line 3, column 1
declared twice
