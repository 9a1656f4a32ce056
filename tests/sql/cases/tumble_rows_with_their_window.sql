-- Without GROUP BY a window function adds three columns to each row.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "b", "v": 2, "ts": "2026-01-01 00:00:02"}
{"id": 3, "k": "a", "v": 3, "ts": "2026-01-01 00:00:09.999"}
{"id": 4, "k": "a", "v": 4, "ts": "2026-01-01 00:00:10"}
{"id": 5, "k": "b", "v": 5, "ts": "2026-01-01 00:00:31"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, window_start, window_end, window_time FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) WHERE id >= 4;
-- expect INT | TIMESTAMP | TIMESTAMP | TIMESTAMP
[4, "2026-01-01 00:00:10", "2026-01-01 00:00:20", "2026-01-01 00:00:19.999"]
[5, "2026-01-01 00:00:30", "2026-01-01 00:00:40", "2026-01-01 00:00:39.999"]
