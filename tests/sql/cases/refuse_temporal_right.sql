-- A row of the table has no time at which it could be asked.
-- input o.json
{"k": "a", "n": 1, "ts": "2026-01-01 00:00:05"}
-- script
CREATE TABLE o (k STRING, n INT, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/o.json', 'format' = 'json');
SELECT o.n FROM o RIGHT JOIN o FOR SYSTEM_TIME AS OF o.p AS v ON o.k = v.k;
-- refuse
RIGHT JOIN of a table FOR SYSTEM_TIME AS OF
write JOIN or LEFT JOIN
