-- Rows fall into the windows in which they come: none is late, not even the one whose row time is six years behind.

-- input t.json
{"id": 1, "k": "a", "ts": "2026-01-01 00:00:00"}
{"id": 2, "k": "b", "ts": "2026-01-01 00:00:03"}
{"id": 3, "k": "a", "ts": "2026-01-01 00:01:00"}
{"id": 4, "k": "a", "ts": "2020-01-01 00:00:00"}
{"id": 5, "k": "b", "ts": "2026-01-01 00:02:00"}

-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, SUM(n), MIN(len), MAX(len), MIN(gap) FROM (
  SELECT k, COUNT(*) AS n, TIMESTAMPDIFF(SECOND, window_start, window_end) AS len,
    TIMESTAMPDIFF(SECOND, window_time, window_end) AS gap
  FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(pt), INTERVAL '10' SECOND))
  GROUP BY k, window_start, window_end, window_time
) GROUP BY k;

-- expect STRING | BIGINT | INT | INT | INT
["a", 3, 10, 10, 0]
["b", 2, 10, 10, 0]
