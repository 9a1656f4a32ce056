-- Rows of sessions are sent once.
-- script
CREATE TABLE t (k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen', 'window.allowed-lateness' = '1 s');
SELECT k, window_start FROM TABLE(SESSION(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND));
-- refuse
line 2, column 1
'window.allowed-lateness' is not supported for rows of sessions
