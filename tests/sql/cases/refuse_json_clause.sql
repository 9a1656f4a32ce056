-- A clause that a JSON function does not have is refused with its form.
-- input t.json
{"j": "{}"}
-- script
CREATE TABLE t (j STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT JSON_EXISTS(j, '$.a' ERROR ON EMPTY) FROM t;
-- refuse
line 2, column 29
unexpected `ERROR`
write JSON_EXISTS(json, path
