-- Every row is in one window of full length, whenever it comes.

-- input t.json
{"id": 1, "k": "a", "ts": "2026-01-01 00:00:00"}
{"id": 2, "k": "b", "ts": "2026-01-01 00:00:03"}
{"id": 3, "k": "a", "ts": "2026-01-01 00:01:00"}
{"id": 4, "k": "a", "ts": "2020-01-01 00:00:00"}
{"id": 5, "k": "b", "ts": "2026-01-01 00:02:00"}

-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, SUM(n) FROM (
  SELECT k, COUNT(*) AS n, TIMESTAMPDIFF(SECOND, window_start, window_end) AS len
  FROM TABLE(CUMULATE(TABLE t, DESCRIPTOR(pt), INTERVAL '2' SECOND, INTERVAL '6' SECOND))
  GROUP BY k, window_start, window_end
) WHERE len = 6 GROUP BY k;

-- expect STRING | BIGINT
["a", 3]
["b", 2]
