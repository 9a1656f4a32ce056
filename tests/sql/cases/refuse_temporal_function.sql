-- A table function that is no table.
-- input o.json
{"k": "a", "n": 1, "ts": "2026-01-01 00:00:05"}
-- script
CREATE TABLE o (k STRING, n INT, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/o.json', 'format' = 'json');
SELECT o.n FROM o, LATERAL TABLE (Rates(o.ts)) AS r WHERE o.k = r.k;
-- refuse
unknown table `Rates`
declare it first with CREATE TABLE
