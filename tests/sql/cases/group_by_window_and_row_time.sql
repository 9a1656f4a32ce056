-- The row time beside the window is a key like any other, not the time of the window.

-- input t.json
{"id": 1, "k": "a", "ts": "2026-01-01 00:00:00"}
{"id": 2, "k": "b", "ts": "2026-01-01 00:00:03"}
{"id": 3, "k": "a", "ts": "2026-01-01 00:01:00"}
{"id": 4, "k": "a", "ts": "2020-01-01 00:00:00"}
{"id": 5, "k": "b", "ts": "2026-01-01 00:02:00"}

-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_end, ts, COUNT(*) FROM TABLE(TUMBLE((SELECT * FROM t WHERE id <> 4), DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, ts;

-- expect TIMESTAMP | TIMESTAMP | BIGINT
["2026-01-01 00:01:00", "2026-01-01 00:00:00", 1]
["2026-01-01 00:01:00", "2026-01-01 00:00:03", 1]
["2026-01-01 00:02:00", "2026-01-01 00:01:00", 1]
["2026-01-01 00:03:00", "2026-01-01 00:02:00", 1]
