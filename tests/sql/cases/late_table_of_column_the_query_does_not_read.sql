-- The late table has a computed column and one that the query does not read; the query's filter comes first: row 5 is
-- left out, not late.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "b", "v": 2, "ts": "2026-01-01 00:00:20"}
{"id": 3, "k": "c", "v": 4, "ts": "2026-01-01 00:00:07"}
{"id": 4, "k": "d", "v": 8, "ts": "2026-01-01 00:00:21"}
{"id": 5, "k": "e", "v": -8, "ts": "2026-01-01 00:00:02"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), double_v AS v * 2, WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'late.table' = 'late');
CREATE TABLE late (double_v INT, k STRING) WITH ('connector' = 'print', 'format' = 'changelog-json');
CREATE TABLE r (s TIMESTAMP(3), n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO r SELECT window_start, COUNT(*) FROM TABLE(TUMBLE((SELECT ts, v FROM t WHERE v > 0), DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect INT | STRING
[8, "c"]
