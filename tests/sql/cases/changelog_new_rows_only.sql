-- A log that holds new rows only may say so: then OVER takes it. Any other row is a bad row.
-- input t.json
{"op":"+I","row":[1,"2026-03-01 09:00:01"]}
{"op":"+I","row":[2,"2026-03-01 09:00:02"]}
{"op":"-D","row":[2,"2026-03-01 09:00:02"]}
{"op":"+I","row":[4,"2026-03-01 09:00:03"]}
-- script
CREATE TABLE t (v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'changelog-json', 'changelog-mode' = 'I');
SELECT v, SUM(v) OVER (ORDER BY ts) FROM t;
-- expect INT | INT
[1, 1]
[2, 3]
[4, 7]
