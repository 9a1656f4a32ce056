-- The setting is for every GROUP BY; windows and joins within an interval end by themselves.
-- input t.json
{"k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"k": "a", "v": 2, "ts": "2026-01-01 00:00:03"}
-- script
SET 'table.exec.state.ttl' = '1 d';
CREATE TABLE t (k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT 'all', SUM(v) FROM t
UNION ALL SELECT 'window', SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end
UNION ALL SELECT 'join', a.v * 10 + b.v FROM t AS a JOIN t AS b ON a.k = b.k AND b.ts BETWEEN a.ts + INTERVAL '1' SECOND AND a.ts + INTERVAL '5' SECOND;
-- expect STRING | INT
["all", 3]
["window", 3]
["join", 12]
