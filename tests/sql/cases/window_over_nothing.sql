-- A condition that is never true is a condition like any other: the rows it keeps, none, still have a row time.
-- input t.json
{"v": 1, "ts": "2026-01-01 00:00:01"}
{"v": 2, "ts": "2026-01-01 00:00:02"}
-- script
CREATE TABLE t (v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
WITH none AS (SELECT * FROM t WHERE 1 = 2), everything AS (SELECT * FROM t WHERE 1 = 1)
SELECT 'none', window_start, SUM(v) FROM TABLE(TUMBLE(TABLE none, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end
UNION ALL
SELECT 'everything', window_start, SUM(v) FROM TABLE(TUMBLE(TABLE everything, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
-- expect STRING | TIMESTAMP | INT
["everything", "2026-01-01 00:00:00", 3]
