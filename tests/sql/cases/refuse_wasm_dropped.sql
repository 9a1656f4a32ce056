-- A function that was dropped is unknown.
-- input t.json
{"k": "a", "v": 1}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION plus AS '$dir/numbers.wasm#add' LANGUAGE WASM;
DROP FUNCTION plus;
DROP FUNCTION IF EXISTS plus;
SELECT plus(v, v) FROM t;
-- refuse
unknown function PLUS
