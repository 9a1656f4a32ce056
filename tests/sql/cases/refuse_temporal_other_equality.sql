-- The version is that of the primary key, so the key must be given.
-- input o.json
{"k": "a", "n": 1, "ts": "2026-01-01 00:00:05"}
-- script
CREATE TABLE o (k STRING, n INT, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/o.json', 'format' = 'json');
CREATE TABLE v (k STRING PRIMARY KEY NOT ENFORCED, n INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/o.json', 'format' = 'json');
SELECT o.n FROM o JOIN v FOR SYSTEM_TIME AS OF o.ts ON o.n = v.n;
-- refuse
primary key `v.k`
