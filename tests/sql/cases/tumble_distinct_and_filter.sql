-- DISTINCT ignores NULL and repeats; FILTER is applied before.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "a", "v": 1, "ts": "2026-01-01 00:00:02"}
{"id": 3, "k": "b", "v": null, "ts": "2026-01-01 00:00:03"}
{"id": 4, "k": null, "v": 3, "ts": "2026-01-01 00:00:04"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT COUNT(DISTINCT v), SUM(DISTINCT v), COUNT(DISTINCT k), COUNT(*) FILTER (WHERE v = 1), COUNT(DISTINCT v) FILTER (WHERE k = 'a'), SUM(v) FILTER (WHERE id > 9)
FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect BIGINT | INT | BIGINT | BIGINT | BIGINT | INT
[2, 4, 2, 2, 1, null]
