-- A declared function is exported with another type.
-- input t.json
{"k": "a", "v": 1}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION mistyped AS '$dir/typed.wasm' LANGUAGE WASM;
SELECT mistyped(v) FROM t;
-- refuse
line 2, column 1
`mistyped` is (i32) -> i64
must be (i64) -> i64
