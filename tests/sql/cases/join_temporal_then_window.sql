-- Versions and orders are out of order within their delays: a version that comes late in the file still counts for the
-- orders behind its time. The rows of an inner join keep the row time of the order.
-- input o.json
{"k": "a", "n": 1, "ts": "2026-01-01 00:00:05"}
{"k": "a", "n": 2, "ts": "2026-01-01 00:00:03"}
{"k": "a", "n": 4, "ts": "2026-01-01 00:00:12"}
{"k": "b", "n": 8, "ts": "2026-01-01 00:00:13"}
-- input v.json
{"k": "a", "v": 100, "ts": "2026-01-01 00:00:06"}
{"k": "a", "v": 10, "ts": "2026-01-01 00:00:04"}
{"k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
-- script
CREATE TABLE o (k STRING, n INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/o.json', 'format' = 'json');
CREATE TABLE v (k STRING PRIMARY KEY NOT ENFORCED, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '6' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/v.json', 'format' = 'json');
SELECT window_start, SUM(n * v) FROM TABLE(TUMBLE((SELECT o.ts, o.n, v.v FROM o JOIN v FOR SYSTEM_TIME AS OF o.ts ON o.k = v.k), DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | INT
["2026-01-01 00:00:00", 12]
["2026-01-01 00:00:10", 400]
