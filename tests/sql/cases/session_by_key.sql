-- A session lasts until nothing has come for the gap: [first row, last row + gap). A row exactly one gap after
-- the last one still belongs to it (a: 01, 03, 13); one a millisecond later does not (b: 02, 12.001).
-- Row 7 is out of order and makes one session of two (c: 20 and 32, joined by 28).
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "b", "v": 2, "ts": "2026-01-01 00:00:02"}
{"id": 3, "k": "a", "v": 3, "ts": "2026-01-01 00:00:03"}
{"id": 4, "k": "b", "v": 4, "ts": "2026-01-01 00:00:12.001"}
{"id": 5, "k": "a", "v": 5, "ts": "2026-01-01 00:00:13"}
{"id": 6, "k": null, "v": 6, "ts": "2026-01-01 00:00:14"}
{"id": 7, "k": "c", "v": 7, "ts": "2026-01-01 00:00:20"}
{"id": 8, "k": "c", "v": 8, "ts": "2026-01-01 00:00:32"}
{"id": 9, "k": "c", "v": 9, "ts": "2026-01-01 00:00:28"}
{"id": 10, "k": "a", "v": 10, "ts": "2026-01-01 00:00:50"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, window_end, window_time, k, COUNT(*), SUM(v), COUNT(DISTINCT v), MAX(v) FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, window_time, k;
-- expect TIMESTAMP | TIMESTAMP | TIMESTAMP | STRING | BIGINT | INT | BIGINT | INT
["2026-01-01 00:00:01", "2026-01-01 00:00:23", "2026-01-01 00:00:22.999", "a", 3, 9, 3, 5]
["2026-01-01 00:00:02", "2026-01-01 00:00:12", "2026-01-01 00:00:11.999", "b", 1, 2, 1, 2]
["2026-01-01 00:00:12.001", "2026-01-01 00:00:22.001", "2026-01-01 00:00:22", "b", 1, 4, 1, 4]
["2026-01-01 00:00:14", "2026-01-01 00:00:24", "2026-01-01 00:00:23.999", null, 1, 6, 1, 6]
["2026-01-01 00:00:20", "2026-01-01 00:00:42", "2026-01-01 00:00:41.999", "c", 3, 24, 3, 9]
["2026-01-01 00:00:50", "2026-01-01 00:01:00", "2026-01-01 00:00:59.999", "a", 1, 10, 1, 10]
