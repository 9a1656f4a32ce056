-- The best rows of each session.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "b", "v": 9, "ts": "2026-01-01 00:00:08"}
{"id": 3, "k": "a", "v": 2, "ts": "2026-01-01 00:00:09"}
{"id": 4, "k": "a", "v": 7, "ts": "2026-01-01 00:00:30"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, window_start FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY v DESC) AS n
  FROM TABLE(SESSION(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))) WHERE n = 1;
-- expect INT | TIMESTAMP
[2, "2026-01-01 00:00:01"]
[4, "2026-01-01 00:00:30"]
