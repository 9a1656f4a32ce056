-- A condition on the bounds of GROUP BY SESSION(...) is asked of the sessions that have ended.
-- input t.json
{"k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"k": "b", "v": 2, "ts": "2026-01-01 00:00:09"}
{"k": "a", "v": 3, "ts": "2026-01-01 00:00:12"}
{"k": "c", "v": 4, "ts": "2026-01-01 00:00:12"}
-- script
CREATE TABLE t (k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, x FROM (SELECT SESSION_START(ts, INTERVAL '10' SECOND) AS b, SESSION_END(ts, INTERVAL '10' SECOND) AS e, k, SUM(v) AS x FROM t GROUP BY SESSION(ts, INTERVAL '10' SECOND), k) WHERE k <> 'c' AND e > TIMESTAMP '2026-01-01 00:00:18' AND b < e;
-- expect STRING | INT
["a", 3]
["b", 2]
