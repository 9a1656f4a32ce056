-- Late rows go to the late table, which names some of the columns in its own order.
-- Row 2 moves the watermark to 11. Row 3 (00:07) still counts in [5, 15), so it is not late. Row 4 (00:02) belongs to
-- [-5, 5) and [0, 10) only: it is late.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:11"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:07"}
{"id": 4, "k": "a", "v": 8, "ts": "2026-01-01 00:00:02"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'late.table' = 'late');
CREATE TABLE late (ts TIMESTAMP(3), id INT, v INT) WITH ('connector' = 'print', 'format' = 'changelog-json');
CREATE TABLE r (s TIMESTAMP(3), n INT) WITH ('connector' = 'blackhole');
INSERT INTO r SELECT window_start, SUM(v) FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | INT | INT
["2026-01-01 00:00:02", 4, 8]
