-- A table with versions as a function of time, in the older form of a temporal join; by its own name or that of a view.
-- input o.json
{"n": 2, "k": "euro", "ts": "2026-01-01 00:00:42"}
{"n": 1, "k": "usd", "ts": "2026-01-01 00:00:43"}
{"n": 3, "k": "euro", "ts": "2026-01-01 00:00:45"}
{"n": 9, "k": "yen", "ts": "2026-01-01 00:00:46"}
-- input r.json
{"k": "usd", "rate": 102, "at": "2026-01-01 00:00:41"}
{"k": "euro", "rate": 114, "at": "2026-01-01 00:00:41"}
{"k": "euro", "rate": 116, "at": "2026-01-01 00:00:45"}
{"k": "usd", "rate": 300, "at": "2026-01-01 00:00:50"}
-- script
CREATE TABLE o (n INT, k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/o.json', 'format' = 'json');
CREATE TABLE h (k STRING, rate INT, `at` TIMESTAMP(3), PRIMARY KEY (k) NOT ENFORCED, WATERMARK FOR `at` AS `at`) WITH ('connector' = 'filesystem', 'path' = '$dir/r.json', 'format' = 'json');
CREATE VIEW rates AS SELECT `at`, rate, k FROM h;
SELECT 'view', o.n * r.rate FROM o, LATERAL TABLE (rates(o.ts)) AS r WHERE o.k = r.k AND o.n < 3
UNION ALL
SELECT 'table', o.n * r.rate FROM o JOIN LATERAL TABLE (h(ts)) AS r ON o.k = r.k WHERE o.n > 1;
-- expect STRING | INT
["view", 228]
["view", 102]
["table", 228]
["table", 348]
