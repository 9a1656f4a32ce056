-- A user aggregate in MATCH_RECOGNIZE is not there yet; a scalar function is.
-- input t.json
{"k": "a", "v": 1}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION total AS '$dir/total.wasm' LANGUAGE WASM;
CREATE FUNCTION plus AS '$dir/numbers.wasm#add' LANGUAGE WASM;
SELECT * FROM t MATCH_RECOGNIZE (ORDER BY ts MEASURES plus(total(a.v), 1) AS x PATTERN (a) DEFINE a AS plus(a.v, 1) > 0);
-- refuse
line 4, column 1
total in MATCH_RECOGNIZE is not supported yet
GROUP BY
