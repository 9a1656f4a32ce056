-- Sessions by the clock: the gap is so long that all rows of a key are in one, and its end is a gap after the last row.

-- input t.json
{"id": 1, "k": "a", "ts": "2026-01-01 00:00:00"}
{"id": 2, "k": "b", "ts": "2026-01-01 00:00:03"}
{"id": 3, "k": "a", "ts": "2026-01-01 00:01:00"}
{"id": 4, "k": "a", "ts": "2020-01-01 00:00:00"}
{"id": 5, "k": "b", "ts": "2026-01-01 00:02:00"}

-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, COUNT(*), SUM(id), TIMESTAMPDIFF(MINUTE, window_start, window_end) >= 10
FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(pt), INTERVAL '10' MINUTE))
GROUP BY k, window_start, window_end;

-- expect STRING | BIGINT | INT | BOOLEAN
["a", 3, 8, true]
["b", 2, 7, true]
