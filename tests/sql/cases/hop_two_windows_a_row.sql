-- Each row is in size / slide windows; the first starts before the first row.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:07"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:12"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, window_end, SUM(v) FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | TIMESTAMP | INT
["2025-12-31 23:59:55", "2026-01-01 00:00:05", 1]
["2026-01-01 00:00:00", "2026-01-01 00:00:10", 3]
["2026-01-01 00:00:05", "2026-01-01 00:00:15", 6]
["2026-01-01 00:00:10", "2026-01-01 00:00:20", 4]
