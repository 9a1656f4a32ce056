-- Without a WATERMARK no row is late.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'window.allowed-lateness' = '5 s');
SELECT COUNT(*) FROM t;
-- refuse
without a WATERMARK no row is late
