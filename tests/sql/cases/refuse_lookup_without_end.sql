-- A table that does not end cannot be read before the first row is looked up.
-- input o.json
{"k": "a", "n": 1, "ts": "2026-01-01 00:00:05"}
-- script
CREATE TABLE o (k STRING, n INT, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/o.json', 'format' = 'json');
CREATE TABLE d (k STRING) WITH ('connector' = 'datagen');
SELECT o.n FROM o JOIN d FOR SYSTEM_TIME AS OF o.p ON o.k = d.k;
-- refuse
`d` cannot be looked up: it does not end
