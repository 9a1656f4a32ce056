-- Sessions by one key (of all rows, without PARTITION BY), grouped by another: the groups share the sessions.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "b", "v": 1, "ts": "2026-01-01 00:00:08"}
{"id": 3, "k": "a", "v": 2, "ts": "2026-01-01 00:00:14"}
{"id": 4, "k": "b", "v": 2, "ts": "2026-01-01 00:00:30"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT 'all', k, window_start, window_end, COUNT(*) FROM TABLE(SESSION(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY k, window_start, window_end
UNION ALL
SELECT k, CAST(v AS STRING), window_start, window_end, COUNT(*) FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '15' SECOND)) GROUP BY k, v, window_start, window_end;
-- expect STRING | STRING | TIMESTAMP | TIMESTAMP | BIGINT
["all", "a", "2026-01-01 00:00:01", "2026-01-01 00:00:24", 2]
["all", "b", "2026-01-01 00:00:01", "2026-01-01 00:00:24", 1]
["all", "b", "2026-01-01 00:00:30", "2026-01-01 00:00:40", 1]
["a", "1", "2026-01-01 00:00:01", "2026-01-01 00:00:29", 1]
["a", "2", "2026-01-01 00:00:01", "2026-01-01 00:00:29", 1]
["b", "1", "2026-01-01 00:00:08", "2026-01-01 00:00:23", 1]
["b", "2", "2026-01-01 00:00:30", "2026-01-01 00:00:45", 1]
