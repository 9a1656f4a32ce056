-- A row that is too late for one of its windows still counts in those that are open.
-- Row 2 moves the watermark to 11: [0, 10) has fired. Row 3 (00:07) is missing there and present in [5, 15).
-- Row 4 (00:02) belongs to [-5, 5) and [0, 10) only: it is late.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:11"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:07"}
{"id": 4, "k": "a", "v": 8, "ts": "2026-01-01 00:00:02"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, SUM(v) FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | INT
["2025-12-31 23:59:55", 1]
["2026-01-01 00:00:00", 1]
["2026-01-01 00:00:05", 6]
["2026-01-01 00:00:10", 2]
