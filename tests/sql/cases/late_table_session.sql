-- Sessions with a gap of 5 s. Row 3 (00:04) reaches the session [1, 7) of row 1, and that has ended when row 2 moves the
-- watermark to 20: row 3 by itself would end at 9, so it is late.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:20"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:04"}
{"id": 4, "k": "a", "v": 8, "ts": "2026-01-01 00:00:19"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'late.table' = 'late');
CREATE TABLE late (id INT, k STRING) WITH ('connector' = 'print', 'format' = 'changelog-json');
CREATE TABLE r (s TIMESTAMP(3), k STRING, n INT) WITH ('connector' = 'blackhole');
INSERT INTO r SELECT window_start, k, SUM(v) FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY window_start, window_end, k;
-- expect INT | STRING
[3, "a"]
