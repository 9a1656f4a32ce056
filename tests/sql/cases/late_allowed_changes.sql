-- Late changes of a table that changes: a's only row of [0, 10), which was sent, is taken back, and with it a's window; b
-- gets another row. The watermark is at 12 then, and 10 s are allowed.
-- input t.json
{"op":"+I","row":["a",1,"2026-03-01 09:00:01"]}
{"op":"+I","row":["b",2,"2026-03-01 09:00:02"]}
{"op":"+I","row":["a",6,"2026-03-01 09:00:13"]}
{"op":"-D","row":["a",1,"2026-03-01 09:00:01"]}
{"op":"+I","row":["b",3,"2026-03-01 09:00:05"]}
{"op":"+I","row":["a",9,"2026-03-01 09:00:30"]}
{"op":"-D","row":["b",2,"2026-03-01 09:00:02"]}
-- script
CREATE TABLE t (k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'changelog-json', 'window.allowed-lateness' = '10 s');
SELECT window_start, k, COUNT(*), SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, k;
-- expect TIMESTAMP(3) | STRING | BIGINT | INT
["2026-03-01 09:00:00", "b", 2, 5]
["2026-03-01 09:00:10", "a", 1, 6]
["2026-03-01 09:00:30", "a", 1, 9]
