-- Every row is in two windows, whenever it comes.

-- input t.json
{"id": 1, "k": "a", "ts": "2026-01-01 00:00:00"}
{"id": 2, "k": "b", "ts": "2026-01-01 00:00:03"}
{"id": 3, "k": "a", "ts": "2026-01-01 00:01:00"}
{"id": 4, "k": "a", "ts": "2020-01-01 00:00:00"}
{"id": 5, "k": "b", "ts": "2026-01-01 00:02:00"}

-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, SUM(n), SUM(ids) FROM (
  SELECT k, COUNT(*) AS n, SUM(id) AS ids
  FROM TABLE(HOP(TABLE t, DESCRIPTOR(pt), INTERVAL '5' SECOND, INTERVAL '10' SECOND))
  GROUP BY k, window_start, window_end
) GROUP BY k;

-- expect STRING | BIGINT | INT
["a", 6, 16]
["b", 4, 14]
