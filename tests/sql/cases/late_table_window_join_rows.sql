-- What the join gives is what it gives without a late table: the columns that go along for that one are left out.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:20"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:07"}
{"id": 4, "k": "a", "v": 8, "ts": "2026-01-01 00:00:24"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'late.table' = 'late');
CREATE TABLE late (id INT, ts TIMESTAMP(3), k STRING) WITH ('connector' = 'blackhole');
SELECT a.v, b.v, a.window_start FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) AS a LEFT JOIN TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) AS b ON a.k = b.k AND a.window_start = b.window_start AND a.window_end = b.window_end AND a.v < b.v;
-- expect INT | INT | TIMESTAMP
[1, null, "2026-01-01 00:00:00"]
[2, 8, "2026-01-01 00:00:20"]
[8, null, "2026-01-01 00:00:20"]
