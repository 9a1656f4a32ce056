-- A source without an end would never let a window fire.
-- script
CREATE TABLE t (v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS SOURCE_WATERMARK()) WITH ('connector' = 'datagen');
SELECT window_start, SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
-- refuse
line 1, column 1
SOURCE_WATERMARK() of `t`, which does not end
WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
