-- An interval join is in one time.
-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT a.id FROM t AS a JOIN t AS b ON a.k = b.k AND a.pt BETWEEN b.ts - INTERVAL '1' HOUR AND b.ts;
-- refuse
event time
processing time
