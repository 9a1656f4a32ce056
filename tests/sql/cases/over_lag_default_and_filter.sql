-- LAG two rows back with a default; FILTER leaves values out of an aggregate, not rows.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:03"}
{"id": 3, "k": "b", "v": 4, "ts": "2026-01-01 00:00:05"}
{"id": 5, "k": "a", "v": 8, "ts": "2026-01-01 00:00:07"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, LAG(v, 2, -1) OVER w, SUM(v) FILTER (WHERE v > 1) OVER w, COUNT(*) FILTER (WHERE v > 1) OVER w
FROM t WINDOW w AS (PARTITION BY k ORDER BY ts);
-- expect INT | INT | INT | BIGINT
[1, -1, null, 0]
[2, -1, 2, 1]
[3, -1, 4, 1]
[5, 1, 10, 2]
