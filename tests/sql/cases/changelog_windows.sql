-- A window takes back the rows that change before it closes. Watermark 1 s behind. [00, 10): a: 1 is replaced by 4 and 2
-- is deleted; b: its only row is deleted, so b has no window. [10, 20): a: 5. The last change of [00, 10) comes when 25
-- has been seen: it is late, and 3 stays.
-- input t.json
{"op":"+I","row":["a",1,"2026-03-01 09:00:01"]}
{"op":"+I","row":["a",2,"2026-03-01 09:00:02"]}
{"op":"+I","row":["b",9,"2026-03-01 09:00:03"]}
{"op":"-U","row":["a",1,"2026-03-01 09:00:01"]}
{"op":"+U","row":["a",4,"2026-03-01 09:00:01"]}
{"op":"+I","row":["c",3,"2026-03-01 09:00:05"]}
{"op":"-D","row":["a",2,"2026-03-01 09:00:02"]}
{"op":"-D","row":["b",9,"2026-03-01 09:00:03"]}
{"op":"+I","row":["a",5,"2026-03-01 09:00:12"]}
{"op":"+I","row":["a",6,"2026-03-01 09:00:25"]}
{"op":"-D","row":["c",3,"2026-03-01 09:00:05"]}
-- script
CREATE TABLE t (k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'changelog-json');
SELECT window_start, k, COUNT(*), SUM(v), MIN(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, k;
-- expect TIMESTAMP(3) | STRING | BIGINT | INT | INT
["2026-03-01 09:00:00", "a", 1, 4, 4]
["2026-03-01 09:00:00", "c", 1, 3, 3]
["2026-03-01 09:00:10", "a", 1, 5, 5]
["2026-03-01 09:00:20", "a", 1, 6, 6]
