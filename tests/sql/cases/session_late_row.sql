-- Lateness goes by the session that a row would be in. With 5 s of delay row 4 (00:30) moves the watermark to
-- 00:25: the session [01, 25) has ended. Row 5 (00:10) would make a session that ends at 00:20: late. Row 6
-- (00:20) is in time, because it belongs to [30, 40) too; what has ended it touches but does not wake.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:09"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:15"}
{"id": 4, "k": "a", "v": 8, "ts": "2026-01-01 00:00:30"}
{"id": 5, "k": "a", "v": 16, "ts": "2026-01-01 00:00:10"}
{"id": 6, "k": "a", "v": 32, "ts": "2026-01-01 00:00:20"}
{"id": 7, "k": "a", "v": 64, "ts": "2026-01-01 00:01:00"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, window_end, COUNT(*), SUM(v) FROM TABLE(SESSION(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | TIMESTAMP | BIGINT | INT
["2026-01-01 00:00:01", "2026-01-01 00:00:25", 3, 7]
["2026-01-01 00:00:20", "2026-01-01 00:00:40", 2, 40]
["2026-01-01 00:01:00", "2026-01-01 00:01:10", 1, 64]
