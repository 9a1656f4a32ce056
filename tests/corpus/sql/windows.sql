CREATE TABLE t (a INT, b STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'stdin', 'format' = 'csv');
SELECT window_start, window_end, b, SUM(a), AVG(CAST(a AS DOUBLE)), LISTAGG(b, ','), MAX(CASE WHEN a > 0 THEN a ELSE -a END)
FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE))
GROUP BY GROUPING SETS ((window_start, window_end, b), (window_start, window_end)) EMIT FINAL;
