-- A declared function is not exported.
-- input t.json
{"k": "a", "v": 1}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION missing AS '$dir/typed.wasm' LANGUAGE WASM;
SELECT missing(k) FROM t;
-- refuse
line 2, column 1
does not export `missing_batch`
