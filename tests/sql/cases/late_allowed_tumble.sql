-- Windows of 10 s take rows until the watermark is 5 s past their end. Row 2 moves it to 12: row 3 (00:07) changes the
-- sum of [0, 10) that was sent, row 4 (00:05, b) gives the window a key it did not have. Row 5 moves it to 15: rows 6
-- and 7 are late for [0, 10), whose end plus 5 s it has reached, row 8 is in time for [10, 20).
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:12"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:07"}
{"id": 4, "k": "b", "v": 8, "ts": "2026-01-01 00:00:05"}
{"id": 5, "k": "a", "v": 16, "ts": "2026-01-01 00:00:15"}
{"id": 6, "k": "a", "v": 32, "ts": "2026-01-01 00:00:09"}
{"id": 7, "k": "c", "v": 64, "ts": "2026-01-01 00:00:01"}
{"id": 8, "k": "c", "v": 128, "ts": "2026-01-01 00:00:11"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'window.allowed-lateness' = '5 s');
SELECT window_start, k, SUM(v), COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, k;
-- expect TIMESTAMP | STRING | INT | BIGINT
["2026-01-01 00:00:00", "a", 5, 2]
["2026-01-01 00:00:00", "b", 8, 1]
["2026-01-01 00:00:10", "a", 18, 2]
["2026-01-01 00:00:10", "c", 128, 1]
