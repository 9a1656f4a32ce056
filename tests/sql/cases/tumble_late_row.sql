-- A row whose window has fired is late and changes nothing.
-- With 5 s of delay the row of 00:15 moves the watermark to 00:10, which is past the end of [0, 10): row 3 is late.
-- Row 5 is out of order but in time: [10, 20) is still open.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:15"}
{"id": 3, "k": "a", "v": 100, "ts": "2026-01-01 00:00:09"}
{"id": 4, "k": "a", "v": 4, "ts": "2026-01-01 00:00:20"}
{"id": 5, "k": "a", "v": 8, "ts": "2026-01-01 00:00:11"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, COUNT(*), SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | BIGINT | INT
["2026-01-01 00:00:00", 1, 1]
["2026-01-01 00:00:10", 2, 10]
["2026-01-01 00:00:20", 1, 4]
