-- User aggregates in windows that share panes, and in sessions.
-- input t.json
{"k": "a", "v": 1, "ts": "2024-01-01 00:00:01"}
{"k": "a", "v": 2, "ts": "2024-01-01 00:00:04"}
{"k": "b", "v": 3, "ts": "2024-01-01 00:00:05"}
{"k": "a", "v": 4, "ts": "2024-01-01 00:00:11"}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION total_added AS '$dir/total.wasm' LANGUAGE WASM;
SELECT 'hop', window_start, k, total_added(v) FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND)) GROUP BY window_start, window_end, k
UNION ALL
SELECT 'session', window_start, k, total_added(v) FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY window_start, window_end, k;
-- expect STRING | TIMESTAMP | STRING | BIGINT
["hop", "2023-12-31 23:59:55.000", "a", 3]
["hop", "2024-01-01 00:00:00.000", "a", 3]
["hop", "2024-01-01 00:00:00.000", "b", 3]
["hop", "2024-01-01 00:00:05.000", "a", 4]
["hop", "2024-01-01 00:00:05.000", "b", 3]
["hop", "2024-01-01 00:00:10.000", "a", 4]
["session", "2024-01-01 00:00:01.000", "a", 3]
["session", "2024-01-01 00:00:05.000", "b", 3]
["session", "2024-01-01 00:00:11.000", "a", 4]
