-- What is united is no longer a row of the table.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'late.table' = 'late');
CREATE TABLE late (id INT) WITH ('connector' = 'blackhole');
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE((SELECT ts FROM t UNION ALL SELECT ts FROM t), DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- refuse
'late.table' of `t`: Union makes other rows
window the table first
