-- The older form: GROUP BY SESSION(...), sessions by the other keys, of the rows that WHERE keeps. Without row 3
-- the rows of a are 12 s apart: two sessions.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "b", "v": 2, "ts": "2026-01-01 00:00:02"}
{"id": 3, "k": "a", "v": -3, "ts": "2026-01-01 00:00:07"}
{"id": 4, "k": "a", "v": 4, "ts": "2026-01-01 00:00:13"}
{"id": 5, "k": "b", "v": 5, "ts": "2026-01-01 00:00:09"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, SESSION_START(ts, INTERVAL '10' SECOND), SESSION_END(ts, INTERVAL '10' SECOND), SESSION_ROWTIME(ts, INTERVAL '10' SECOND), SUM(v)
FROM t WHERE v > 0 GROUP BY SESSION(ts, INTERVAL '10' SECOND), k HAVING SUM(v) <> 100;
-- expect STRING | TIMESTAMP | TIMESTAMP | TIMESTAMP | INT
["a", "2026-01-01 00:00:01", "2026-01-01 00:00:11", "2026-01-01 00:00:10.999", 1]
["a", "2026-01-01 00:00:13", "2026-01-01 00:00:23", "2026-01-01 00:00:22.999", 4]
["b", "2026-01-01 00:00:02", "2026-01-01 00:00:19", "2026-01-01 00:00:18.999", 7]
