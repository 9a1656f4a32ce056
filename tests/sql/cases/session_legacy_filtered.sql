-- A condition on the key of GROUP BY SESSION(...) goes before the sessions, which are those of a key; one on what is
-- aggregated stays behind them.
-- input t.json
{"k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"k": "b", "v": 2, "ts": "2026-01-01 00:00:09"}
{"k": "a", "v": 3, "ts": "2026-01-01 00:00:12"}
{"k": "c", "v": 4, "ts": "2026-01-01 00:00:12"}
-- script
CREATE TABLE t (k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT * FROM (SELECT SESSION_END(ts, INTERVAL '10' SECOND) AS e, k, SUM(v) AS s FROM t GROUP BY SESSION(ts, INTERVAL '10' SECOND), k) WHERE k <> 'b' AND s < 4;
-- expect TIMESTAMP | STRING | INT
["2026-01-01 00:00:11", "a", 1]
["2026-01-01 00:00:22", "a", 3]
