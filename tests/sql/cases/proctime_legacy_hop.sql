-- The older form of sliding windows.

-- input t.json
{"id": 1, "k": "a", "ts": "2026-01-01 00:00:00"}
{"id": 2, "k": "b", "ts": "2026-01-01 00:00:03"}
{"id": 3, "k": "a", "ts": "2026-01-01 00:01:00"}
{"id": 4, "k": "a", "ts": "2020-01-01 00:00:00"}
{"id": 5, "k": "b", "ts": "2026-01-01 00:02:00"}

-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, SUM(n), MAX(len) FROM (
  SELECT k, COUNT(*) AS n, TIMESTAMPDIFF(SECOND, HOP_START(pt, INTERVAL '5' SECOND, INTERVAL '10' SECOND),
    HOP_END(pt, INTERVAL '5' SECOND, INTERVAL '10' SECOND)) AS len
  FROM t GROUP BY k, HOP(pt, INTERVAL '5' SECOND, INTERVAL '10' SECOND)
) GROUP BY k;

-- expect STRING | BIGINT | INT
["a", 6, 10]
["b", 4, 10]
