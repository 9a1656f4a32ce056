-- A path that Millrace does not follow is refused before a row is read, not taken as an error of each row.
-- input t.json
{"j": "{}"}
-- script
CREATE TABLE t (j STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT JSON_EXISTS(j, '$..a') FROM t;
-- refuse
line 2
'$..a' is not a JSON path that Millrace follows
write $.key
