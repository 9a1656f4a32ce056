-- The watermark is moved by every row of the table, also by those that WHERE drops.
-- Row 2 is filtered out, and yet row 3 is late because of it.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "x", "v": 2, "ts": "2026-01-01 00:00:15"}
{"id": 3, "k": "a", "v": 100, "ts": "2026-01-01 00:00:09"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
WITH f AS (SELECT * FROM t WHERE k <> 'x')
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE f, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | BIGINT
["2026-01-01 00:00:00", 1]
