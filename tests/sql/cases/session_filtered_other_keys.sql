-- A filter between SESSION and a GROUP BY of more than its keys takes rows away, not what holds a session together.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "b", "v": 5, "ts": "2026-01-01 00:00:08"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:14"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, k, COUNT(*), SUM(v) FROM TABLE(SESSION(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) WHERE v > 3 GROUP BY k, window_start, window_end;
-- expect TIMESTAMP | STRING | BIGINT | INT
["2026-01-01 00:00:01", "a", 1, 4]
["2026-01-01 00:00:01", "b", 1, 5]
