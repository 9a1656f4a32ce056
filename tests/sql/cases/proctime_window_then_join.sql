-- The rows of an interval join come when they come: a window by processing time over them counts all.

-- input t.json
{"id": 1, "k": "a", "ts": "2026-01-01 00:00:00"}
{"id": 2, "k": "b", "ts": "2026-01-01 00:00:03"}
{"id": 3, "k": "a", "ts": "2026-01-01 00:01:00"}
{"id": 4, "k": "a", "ts": "2020-01-01 00:00:00"}
{"id": 5, "k": "b", "ts": "2026-01-01 00:02:00"}

-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT SUM(n) FROM (
  SELECT COUNT(*) AS n FROM TABLE(TUMBLE((
    SELECT a.id, a.pt AS pt FROM t AS a JOIN t AS b ON a.k = b.k
      AND a.pt BETWEEN b.pt - INTERVAL '1' HOUR AND b.pt + INTERVAL '1' HOUR
  ), DESCRIPTOR(pt), INTERVAL '1' SECOND)) GROUP BY window_start, window_end
);

-- expect BIGINT
[13]
