-- Windows before 1970 start below their rows too.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "1969-12-31 23:59:59.999"}
{"id": 2, "k": "a", "v": 2, "ts": "1970-01-01 00:00:00"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, window_end, SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | TIMESTAMP | INT
["1969-12-31 23:59:50", "1970-01-01 00:00:00", 1]
["1970-01-01 00:00:00", "1970-01-01 00:00:10", 2]
