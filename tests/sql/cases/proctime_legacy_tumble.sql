-- The older form, with the time attribute of its windows.

-- input t.json
{"id": 1, "k": "a", "ts": "2026-01-01 00:00:00"}
{"id": 2, "k": "b", "ts": "2026-01-01 00:00:03"}
{"id": 3, "k": "a", "ts": "2026-01-01 00:01:00"}
{"id": 4, "k": "a", "ts": "2020-01-01 00:00:00"}
{"id": 5, "k": "b", "ts": "2026-01-01 00:02:00"}

-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT SUM(n), MIN(len), COUNT(*) = COUNT(p) FROM (
  SELECT COUNT(*) AS n, TUMBLE_PROCTIME(pt, INTERVAL '10' SECOND) AS p,
    TIMESTAMPDIFF(SECOND, TUMBLE_START(pt, INTERVAL '10' SECOND), TUMBLE_END(pt, INTERVAL '10' SECOND)) AS len
  FROM t GROUP BY TUMBLE(pt, INTERVAL '10' SECOND)
);

-- expect BIGINT | INT | BOOLEAN
[5, 10, true]
