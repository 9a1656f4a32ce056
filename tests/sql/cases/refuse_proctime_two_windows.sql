-- One query groups by one window.
-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT COUNT(*) FROM t GROUP BY TUMBLE(ts, INTERVAL '1' HOUR), TUMBLE(pt, INTERVAL '1' HOUR);
-- refuse
TUMBLE
