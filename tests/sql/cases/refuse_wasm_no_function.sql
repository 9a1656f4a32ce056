-- The module has no such function; those that it has are named.
-- input t.json
{"k": "a", "v": 1}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION f AS '$dir/numbers.wasm#sub' LANGUAGE WASM;
SELECT f(v) FROM t;
-- refuse
line 2, column 1
no function `sub`
`add`
'file.wasm#name'
