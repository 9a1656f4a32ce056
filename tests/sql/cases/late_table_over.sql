-- A row is late for OVER in event time when the watermark has reached its time.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:05"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:05"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:06"}
{"id": 4, "k": "b", "v": 8, "ts": "2026-01-01 00:00:01"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'late.table' = 'late');
CREATE TABLE late (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector' = 'print', 'format' = 'changelog-json');
CREATE TABLE r (k STRING, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO r SELECT k, COUNT(*) OVER (PARTITION BY k ORDER BY ts) FROM t;
-- expect INT | STRING | INT | TIMESTAMP
[2, "a", 2, "2026-01-01 00:00:05"]
[4, "b", 8, "2026-01-01 00:00:01"]
