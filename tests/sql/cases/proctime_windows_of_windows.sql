-- The time of a window of processing time is a time attribute: windows over windows lose nothing.

-- input t.json
{"id": 1, "k": "a", "ts": "2026-01-01 00:00:00"}
{"id": 2, "k": "b", "ts": "2026-01-01 00:00:03"}
{"id": 3, "k": "a", "ts": "2026-01-01 00:01:00"}
{"id": 4, "k": "a", "ts": "2020-01-01 00:00:00"}
{"id": 5, "k": "b", "ts": "2026-01-01 00:02:00"}

-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT SUM(n), SUM(m) FROM (
  SELECT SUM(n) AS n, SUM(m) AS m FROM TABLE(TUMBLE((
    SELECT k, COUNT(*) AS n, SUM(id) AS m, window_time AS wt
    FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(pt), INTERVAL '1' SECOND))
    GROUP BY k, window_start, window_end, window_time
  ), DESCRIPTOR(wt), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end
);

-- expect BIGINT | INT
[5, 15]
