-- A filter on the PARTITION BY column above SESSION takes whole sessions away.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "b", "v": 2, "ts": "2026-01-01 00:00:05"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:14"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, window_end, SUM(v) FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '10' SECOND)) WHERE k = 'a' GROUP BY window_start, window_end, k;
-- expect TIMESTAMP | TIMESTAMP | INT
["2026-01-01 00:00:01", "2026-01-01 00:00:11", 1]
["2026-01-01 00:00:14", "2026-01-01 00:00:24", 4]
