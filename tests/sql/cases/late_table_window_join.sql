-- Both inputs of a join of windows have late rows; they go to one table.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:20"}
{"id": 3, "k": "b", "v": 4, "ts": "2026-01-01 00:00:07"}
{"id": 4, "k": "a", "v": 8, "ts": "2026-01-01 00:00:24"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'late.table' = 'late');
CREATE TABLE late (id INT, v INT) WITH ('connector' = 'print', 'format' = 'changelog-json');
CREATE TABLE r (x INT, y INT) WITH ('connector' = 'blackhole');
INSERT INTO r SELECT a.v, b.v FROM (SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) WHERE v <> 8) AS a JOIN TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) AS b ON a.k = b.k AND a.window_start = b.window_start AND a.window_end = b.window_end AND a.id < b.id;
-- expect INT | INT
[3, 4]
[3, 4]
