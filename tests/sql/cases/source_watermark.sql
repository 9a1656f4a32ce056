-- SOURCE_WATERMARK(): a file promises nothing before it ends, so no row is late, and windows fire at the end.
-- input t.json
{"v": 1, "ts": "2026-01-01 00:00:01"}
{"v": 2, "ts": "2026-01-01 01:00:00"}
{"v": 4, "ts": "2026-01-01 00:00:02"}
-- script
CREATE TABLE t (v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS SOURCE_WATERMARK()) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | INT
["2026-01-01 00:00:00", 5]
["2026-01-01 01:00:00", 2]
