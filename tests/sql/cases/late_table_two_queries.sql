-- Two queries over one table: each row comes once for each that drops it. Row 3 (00:07) is late for windows of 10 s, not
-- for those of a minute.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:20"}
{"id": 3, "k": "b", "v": 4, "ts": "2026-01-01 00:00:07"}
{"id": 4, "k": "b", "v": 4, "ts": "2026-01-01 00:01:00"}
{"id": 5, "k": "b", "v": 4, "ts": "2026-01-01 00:00:08"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'late.table' = 'late');
CREATE TABLE late (id INT) WITH ('connector' = 'print', 'format' = 'changelog-json');
CREATE TABLE r (s TIMESTAMP(3), n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO r SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
INSERT INTO r SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
-- expect INT
[3]
[5]
[5]
