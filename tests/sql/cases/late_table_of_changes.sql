-- Late changes are changes in the late table: the new row of an update that moves it back in time is late, the old is not.
-- input t.json
{"op":"+I","row":["a",1,"2026-03-01 09:00:01"]}
{"op":"+I","row":["a",6,"2026-03-01 09:00:25"]}
{"op":"+I","row":["c",3,"2026-03-01 09:00:05"]}
{"op":"-U","row":["a",6,"2026-03-01 09:00:25"]}
{"op":"+U","row":["a",7,"2026-03-01 09:00:08"]}
-- script
CREATE TABLE t (k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'changelog-json', 'late.table' = 'late');
CREATE TABLE late (k STRING, v INT) WITH ('connector' = 'print', 'format' = 'changelog-json');
CREATE TABLE r (s TIMESTAMP(3), k STRING, n INT) WITH ('connector' = 'blackhole');
INSERT INTO r SELECT window_start, k, SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, k;
-- expect STRING | INT
["c", 3]
["a", 7]
