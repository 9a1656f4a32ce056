-- An aggregate that cannot take rows back, over rows that change.
-- input t.json
{"k": "a", "v": 1}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION total_added AS '$dir/total.wasm' LANGUAGE WASM;
SELECT n, total_added(s) FROM (SELECT k, COUNT(*) AS n, SUM(v) AS s FROM t GROUP BY k) GROUP BY n;
-- refuse
line 3, column 1
total_added cannot take rows back
total_added_retract
