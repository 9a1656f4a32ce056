-- JSON_VALUE returns scalars only.
-- input t.json
{"j": "{}"}
-- script
CREATE TABLE t (j STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT JSON_VALUE(j, '$.a' RETURNING DATE) FROM t;
-- refuse
line 2, column 38
JSON_VALUE cannot return DATE
CAST what it returns
