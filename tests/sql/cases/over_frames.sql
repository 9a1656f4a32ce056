-- By row time, whatever the order of arrival. RANGE sees rows of the same time (ids 2 and 5), ROWS takes them
-- as they came. LAG is the value before the last row of the same time.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:05"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:03"}
{"id": 4, "k": "b", "v": null, "ts": "2026-01-01 00:00:03"}
{"id": 5, "k": "a", "v": 8, "ts": "2026-01-01 00:00:03"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id,
  SUM(v) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW),
  SUM(v) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '2' SECOND PRECEDING AND CURRENT ROW),
  COUNT(v) OVER w, MAX(v) OVER w, LAG(v) OVER (PARTITION BY k ORDER BY ts),
  ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts)
FROM t WINDOW w AS (PARTITION BY k ORDER BY ts);
-- expect INT | INT | INT | BIGINT | INT | INT | BIGINT
[1, 1, 1, 1, 1, null, 1]
[2, 3, 11, 3, 8, 2, 2]
[5, 10, 11, 3, 8, 2, 3]
[3, 12, 14, 4, 8, 8, 4]
[4, null, null, 0, null, null, 1]
