-- Windows by the clock have no row time.
-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT TUMBLE_ROWTIME(pt, INTERVAL '1' HOUR) FROM t GROUP BY TUMBLE(pt, INTERVAL '1' HOUR);
-- refuse
`pt`
no row time
_PROCTIME
