-- Arguments of another type, and their number.
-- input t.json
{"k": "a", "v": 1}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION plus AS '$dir/numbers.wasm#add' LANGUAGE WASM;
SELECT plus(v, k) FROM t;
-- refuse
plus(BIGINT, BIGINT)
argument 2 must be BIGINT, not STRING
