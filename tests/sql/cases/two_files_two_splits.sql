-- Every file is a split with a watermark of its own: b.json is not late because a.json is ahead.
-- input a.json
{"v": 1, "ts": "2026-01-01 00:00:01"}
{"v": 4, "ts": "2026-01-01 00:01:00"}
{"v": 100, "ts": "2026-01-01 00:00:02"}
-- input b.json
{"v": 2, "ts": "2026-01-01 00:00:03"}
-- script
CREATE TABLE t (v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir', 'format' = 'json');
SELECT window_start, SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | INT
["2026-01-01 00:00:00", 3]
["2026-01-01 00:01:00", 4]
