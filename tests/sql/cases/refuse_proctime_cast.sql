-- A value of PROCTIME() is not a time attribute.
-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT COUNT(*) FROM TABLE(TUMBLE((SELECT CAST(pt AS TIMESTAMP(3)) AS came FROM t), DESCRIPTOR(came), INTERVAL '1' HOUR))
GROUP BY window_start, window_end;
-- refuse
`came` is not a time attribute
PROCTIME()
