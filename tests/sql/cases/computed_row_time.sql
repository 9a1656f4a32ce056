-- The row time may be computed from other columns; rows for which it cannot be computed are bad.
-- input t.json
{"day": "2026-01-01", "clock": "10:00:01", "v": 1}
{"day": "2026-01-01", "clock": "25:00:00", "v": 2}
{"day": "2026-01-01", "clock": "10:00:59", "v": 4}
-- script
CREATE TABLE t (`day` STRING, clock STRING, v INT, ts AS TO_TIMESTAMP(`day` || ' ' || clock), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_start, SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | INT
["2026-01-01 10:00:00", 5]
