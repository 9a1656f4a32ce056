-- A column may be a key of grouping sets and be aggregated: where it is no key its group shows null, but what is
-- aggregated are its values; windows go by the row time, though that is a key too.
-- input t.json
{"k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"k": "a", "v": 2, "ts": "2026-01-01 00:00:02"}
{"k": "b", "v": 2, "ts": "2026-01-01 00:00:02"}
-- script
CREATE TABLE t (k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT 'all', k, v, COUNT(k), SUM(v) FROM t GROUP BY ROLLUP (k, v)
UNION ALL
SELECT CAST(window_start AS STRING), k, CAST(EXTRACT(SECOND FROM ts) AS INT), COUNT(DISTINCT ts), SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, GROUPING SETS ((ts), (k));
-- expect STRING | STRING | INT | BIGINT | INT
["all", "a", 1, 1, 1]
["all", "a", 2, 1, 2]
["all", "b", 2, 1, 2]
["all", "a", null, 2, 3]
["all", "b", null, 1, 2]
["all", null, null, 3, 5]
["2026-01-01 00:00:00.000", null, 1, 1, 1]
["2026-01-01 00:00:00.000", null, 2, 1, 4]
["2026-01-01 00:00:00.000", "a", null, 2, 3]
["2026-01-01 00:00:00.000", "b", null, 1, 2]
