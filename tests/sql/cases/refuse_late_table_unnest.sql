-- Nor is what is unnested.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'late.table' = 'late');
CREATE TABLE late (id INT) WITH ('connector' = 'blackhole');
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE((SELECT ts, e FROM t CROSS JOIN UNNEST(ARRAY[v, id]) AS u (e)), DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- refuse
'late.table' of `t`: Unnest makes other rows
