-- The time must be a time attribute of the left side.
-- input o.json
{"k": "a", "n": 1, "ts": "2026-01-01 00:00:05"}
-- script
CREATE TABLE o (k STRING, n INT, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/o.json', 'format' = 'json');
SELECT o.n FROM o JOIN o FOR SYSTEM_TIME AS OF o.n AS v ON o.k = v.k;
-- refuse
FOR SYSTEM_TIME AS OF `o.n`, which is no time attribute
