-- What comes later than is allowed goes to the late table: row 4, when the watermark is at 14.999 s, is in time.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:12"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:14.998"}
{"id": 4, "k": "b", "v": 8, "ts": "2026-01-01 00:00:05"}
{"id": 5, "k": "a", "v": 16, "ts": "2026-01-01 00:00:14.999"}
{"id": 6, "k": "a", "v": 32, "ts": "2026-01-01 00:00:09"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'window.allowed-lateness' = '5 s', 'late.table' = 'late');
CREATE TABLE late (id INT, v INT) WITH ('connector' = 'print', 'format' = 'changelog-json');
CREATE TABLE r (s TIMESTAMP(3), n INT) WITH ('connector' = 'blackhole');
INSERT INTO r SELECT window_start, SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect INT | INT
[6, 32]
