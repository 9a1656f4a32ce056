-- The older form of sessions: those of each key.

-- input t.json
{"id": 1, "k": "a", "ts": "2026-01-01 00:00:00"}
{"id": 2, "k": "b", "ts": "2026-01-01 00:00:03"}
{"id": 3, "k": "a", "ts": "2026-01-01 00:01:00"}
{"id": 4, "k": "a", "ts": "2020-01-01 00:00:00"}
{"id": 5, "k": "b", "ts": "2026-01-01 00:02:00"}

-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, COUNT(*), MAX(id), SESSION_PROCTIME(pt, INTERVAL '10' MINUTE) IS NOT NULL
FROM t GROUP BY k, SESSION(pt, INTERVAL '10' MINUTE);

-- expect STRING | BIGINT | INT | BOOLEAN
["a", 3, 4, true]
["b", 2, 5, true]
