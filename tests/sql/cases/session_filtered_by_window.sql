-- A filter above SESSION that asks for the window takes rows away, not what holds a session together, as in Flink.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "b", "v": 5, "ts": "2026-01-01 00:00:08"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:14"}
{"id": 4, "k": "a", "v": 4, "ts": "2026-01-01 00:00:40"}
{"id": 5, "k": "b", "v": 1, "ts": "2026-01-01 00:01:40"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, window_end, COUNT(*), SUM(v) FROM TABLE(SESSION(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) WHERE v > 3 AND window_start < window_end GROUP BY window_start, window_end;
-- expect TIMESTAMP | TIMESTAMP | BIGINT | INT
["2026-01-01 00:00:01", "2026-01-01 00:00:24", 2, 9]
["2026-01-01 00:00:40", "2026-01-01 00:00:50", 1, 4]
