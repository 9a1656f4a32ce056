-- Rows of the table are found by a key.
-- input o.json
{"k": "a", "n": 1, "ts": "2026-01-01 00:00:05"}
-- script
CREATE TABLE o (k STRING, n INT, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/o.json', 'format' = 'json');
SELECT o.n FROM o JOIN o FOR SYSTEM_TIME AS OF o.p AS d ON o.n < d.n;
-- refuse
a lookup join without an equality
