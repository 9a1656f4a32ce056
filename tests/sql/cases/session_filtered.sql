-- A filter between SESSION and the GROUP BY of its windows and keys decides which rows make a session, as in Flink.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "b", "v": 5, "ts": "2026-01-01 00:00:08"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:14"}
{"id": 4, "k": "a", "v": 4, "ts": "2026-01-01 00:00:40"}
{"id": 5, "k": "b", "v": 1, "ts": "2026-01-01 00:01:40"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, window_end, MAX(x) FROM (SELECT v + 1 AS x, window_start, window_end FROM TABLE(SESSION(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))) AS s WHERE x > 4 GROUP BY window_start, window_end;
-- expect TIMESTAMP | TIMESTAMP | INT
["2026-01-01 00:00:08", "2026-01-01 00:00:24", 6]
["2026-01-01 00:00:40", "2026-01-01 00:00:50", 5]
