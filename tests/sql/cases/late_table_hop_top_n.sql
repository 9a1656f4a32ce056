-- Where rows are given their windows before they are ranked, a row is late if it is so for its last window, and comes once.
-- Row 3 (00:07) is dropped from [0, 10) and ranked in [5, 15); row 4 (00:02) is late.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:11"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:07"}
{"id": 4, "k": "a", "v": 8, "ts": "2026-01-01 00:00:02"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'late.table' = 'late');
CREATE TABLE late (id INT) WITH ('connector' = 'print', 'format' = 'changelog-json');
CREATE TABLE r (k STRING, e TIMESTAMP(3)) WITH ('connector' = 'blackhole');
INSERT INTO r SELECT k, window_end FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY v DESC) AS n FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))) WHERE n <= 2;
-- expect INT
[4]
