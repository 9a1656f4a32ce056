-- Windows over windows stay open too: row 3 changes the count of [0, 10), and that the sum of [0, 20), which was sent.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:22"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:07"}
{"id": 4, "k": "a", "v": 8, "ts": "2026-01-01 00:00:11"}
{"id": 5, "k": "a", "v": 8, "ts": "2026-01-01 00:00:26"}
{"id": 6, "k": "a", "v": 16, "ts": "2026-01-01 00:00:11"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'window.allowed-lateness' = '15 s');
SELECT window_start, SUM(s), COUNT(*) FROM TABLE(TUMBLE((SELECT window_time AS at, SUM(v) AS s FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, window_time), DESCRIPTOR(at), INTERVAL '20' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | INT | BIGINT
["2026-01-01 00:00:00", 29, 2]
["2026-01-01 00:00:20", 10, 1]
