-- A function cannot take the name of one that is there.
-- input t.json
{"k": "a", "v": 1}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION upper AS '$dir/numbers.wasm#add' LANGUAGE WASM;
SELECT upper(k) FROM t;
-- refuse
line 2, column 1
`upper` is a function of Millrace already
