-- A filter above SESSION on what is not its key would have to know the sessions first.
-- input t.json
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, window_end, COUNT(*) FROM TABLE(SESSION(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) WHERE v > 1 GROUP BY window_start, window_end;
-- refuse
SESSION without GROUP BY window_start, window_end right above it
