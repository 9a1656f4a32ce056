-- The best rows of a window still belong to it: an aggregation by the same window, which fires with it.
-- input t.json
{"id": 1, "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "v": 7, "ts": "2026-01-01 00:00:02"}
{"id": 3, "v": 3, "ts": "2026-01-01 00:00:09.999"}
{"id": 4, "v": 4, "ts": "2026-01-01 00:00:12"}
-- script
CREATE TABLE t (id INT, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, COUNT(*), SUM(v) FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY v DESC) AS rn
  FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))) WHERE rn <= 2
GROUP BY window_start, window_end;
-- expect TIMESTAMP | BIGINT | INT
["2026-01-01 00:00:00", 2, 10]
["2026-01-01 00:00:10", 1, 4]
