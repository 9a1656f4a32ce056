-- Allowed lateness by SET, for all tables that do not say it themselves. The watermark is at 16 when row 3 comes: with
-- 5 s, [0, 10) has closed and [5, 15) has not.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:16"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:07"}
-- script
SET 'table.exec.emit.allow-lateness' = '5 s';
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, SUM(v) FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | INT
["2025-12-31 23:59:55", 1]
["2026-01-01 00:00:00", 1]
["2026-01-01 00:00:05", 4]
["2026-01-01 00:00:10", 2]
["2026-01-01 00:00:15", 2]
