-- OVER says everything once.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'window.allowed-lateness' = '5 s');
SELECT COUNT(*) OVER (PARTITION BY k ORDER BY ts) FROM t;
-- refuse
'window.allowed-lateness' is not supported for OVER windows
