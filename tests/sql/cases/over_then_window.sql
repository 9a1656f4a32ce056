-- The row time survives an OVER window: a window over its result. A row behind the watermark is left out.
-- input t.json
{"id": 1, "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "v": 2, "ts": "2026-01-01 00:00:12"}
{"id": 3, "v": 100, "ts": "2026-01-01 00:00:02"}
{"id": 4, "v": 3, "ts": "2026-01-01 00:00:13"}
-- script
CREATE TABLE t (id INT, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, SUM(s) FROM TABLE(TUMBLE(
  (SELECT ts, SUM(v) OVER (ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS s FROM t),
  DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | INT
["2026-01-01 00:00:00", 1]
["2026-01-01 00:00:10", 9]
