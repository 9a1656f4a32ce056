-- A row has a partner only in its own window.
-- input l.json
{"id": 1, "k": "a", "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "a", "ts": "2026-01-01 00:00:13"}
{"id": 3, "k": "b", "ts": "2026-01-01 00:00:14"}
-- input r.json
{"k": "a", "ts": "2026-01-01 00:00:01"}
{"k": "b", "ts": "2026-01-01 00:00:15"}
-- script
CREATE TABLE l (id INT, k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/l.json', 'format' = 'json');
CREATE TABLE r (k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/r.json', 'format' = 'json');
SELECT id FROM (SELECT * FROM TABLE(TUMBLE(TABLE l, DESCRIPTOR(ts), INTERVAL '10' SECOND))) l
WHERE NOT EXISTS (SELECT 1 FROM (SELECT * FROM TABLE(TUMBLE(TABLE r, DESCRIPTOR(ts), INTERVAL '10' SECOND))) r
WHERE l.k = r.k AND l.window_start = r.window_start AND l.window_end = r.window_end);
-- expect INT
[2]
