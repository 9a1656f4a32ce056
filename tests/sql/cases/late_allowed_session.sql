-- Sessions with a gap of 5 s, open for 10 s more. [1, 6) and [9, 14) have been sent when row 4 (00:05) makes them one:
-- they are taken back. Row 6 comes when the watermark is at 40: late.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:09"}
{"id": 3, "k": "b", "v": 4, "ts": "2026-01-01 00:00:15"}
{"id": 4, "k": "a", "v": 8, "ts": "2026-01-01 00:00:05"}
{"id": 5, "k": "b", "v": 16, "ts": "2026-01-01 00:00:40"}
{"id": 6, "k": "a", "v": 32, "ts": "2026-01-01 00:00:10"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'window.allowed-lateness' = '10 s');
SELECT window_start, window_end, k, SUM(v) FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY window_start, window_end, k;
-- expect TIMESTAMP | TIMESTAMP | STRING | INT
["2026-01-01 00:00:01", "2026-01-01 00:00:14", "a", 11]
["2026-01-01 00:00:15", "2026-01-01 00:00:20", "b", 4]
["2026-01-01 00:00:40", "2026-01-01 00:00:45", "b", 16]
