-- OVER is ordered by time.
-- script
CREATE TABLE t (id INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, SUM(id) OVER (ORDER BY id) FROM t;
-- refuse
time attribute
PROCTIME()
