-- A window [0, 10) fires when the watermark reaches 9.999 s, not before.
-- Row 2 moves the watermark to 9.998: row 3 is in time. Row 4 moves it to 9.999: row 5 is late.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:09.998"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:03"}
{"id": 4, "k": "a", "v": 8, "ts": "2026-01-01 00:00:09.999"}
{"id": 5, "k": "a", "v": 16, "ts": "2026-01-01 00:00:04"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, COUNT(*), SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | BIGINT | INT
["2026-01-01 00:00:00", 4, 15]
