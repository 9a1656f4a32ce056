-- The past of a table is not kept.
-- input o.json
{"k": "a", "n": 1, "ts": "2026-01-01 00:00:05"}
-- script
CREATE TABLE o (k STRING, n INT, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/o.json', 'format' = 'json');
SELECT n FROM o FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-01 00:00:00';
-- refuse
not supported yet
name a time attribute of the left side
