CREATE TABLE t (k STRING, v BIGINT, price DECIMAL(10, 2), ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
WITH ('connector' = 'values', 'rows' = '[
  ["a", 1, 1.50, "2024-01-01 00:00:01"], ["b", 2, 2.25, "2024-01-01 00:00:02"], ["a", 3, 0.10, "2024-01-01 00:00:04"],
  [null, 4, null, "2024-01-01 00:00:03"], ["b", 5, 7.77, "2024-01-01 00:00:11"], ["a", 6, 3.00, "2024-01-01 00:00:12"]]');

SELECT 'window', k, COUNT(*), SUM(v), LAST_VALUE(v), COUNT(DISTINCT v), AVG(price) FROM TABLE(
  TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, k;
SELECT 'session', k, COUNT(*), MAX(price) FROM TABLE(
  SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY window_start, window_end, k;
SELECT 'pair', l.v, r.v FROM (SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '20' SECOND))) AS l
  JOIN (SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '20' SECOND))) AS r
  ON l.k = r.k AND l.window_start = r.window_start AND l.window_end = r.window_end WHERE l.v < r.v;
SELECT 'last', k, COUNT(*), MIN(v) FROM t GROUP BY k EMIT FINAL;
SELECT 'over', k, v, SUM(v) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t;
