-- A row that is taken back later would be taken from another window.
-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT MAX(n) FROM TABLE(TUMBLE((SELECT n, PROCTIME() AS came FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k)), DESCRIPTOR(came), INTERVAL '1' HOUR))
GROUP BY window_start, window_end;
-- refuse
processing time
rows change
