-- OVER is not there yet.
-- input t.json
{"k": "a", "v": 1}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION total AS '$dir/total.wasm' LANGUAGE WASM;
SELECT total(v) OVER (PARTITION BY k ORDER BY ts) FROM t;
-- refuse
line 3, column 1
total with OVER is not supported yet
