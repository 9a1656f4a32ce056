-- What comes later is not known, as in Flink.
-- script
CREATE TABLE t (id INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, LEAD(id) OVER (ORDER BY ts) FROM t;
-- refuse
LEAD
LAG
