-- Row 3 (00:02) is dropped from [0, 5) and ranked in [0, 10); row 5 (00:03) comes when the watermark is at 11: late.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:07"}
{"id": 3, "k": "a", "v": 4, "ts": "2026-01-01 00:00:02"}
{"id": 4, "k": "a", "v": 8, "ts": "2026-01-01 00:00:11"}
{"id": 5, "k": "a", "v": 16, "ts": "2026-01-01 00:00:03"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'late.table' = 'late');
CREATE TABLE late (id INT, v INT) WITH ('connector' = 'print', 'format' = 'changelog-json');
CREATE TABLE r (k STRING, e TIMESTAMP(3)) WITH ('connector' = 'blackhole');
INSERT INTO r SELECT k, window_end FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY v DESC) AS n FROM TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))) WHERE n <= 2;
-- expect INT | INT
[5, 16]
