-- A row that is taken back must be the row that was sent.
-- input t.json
{"j": "{}"}
-- script
CREATE TABLE t (j STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT j, COUNT(*), UUID() FROM t GROUP BY j;
-- refuse
line 2
a random value is drawn for rows that may be taken back
EMIT FINAL
