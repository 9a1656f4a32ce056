-- ON EMPTY stands once.
-- input t.json
{"j": "{}"}
-- script
CREATE TABLE t (j STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT JSON_VALUE(j, '$.a' NULL ON EMPTY ERROR ON EMPTY) FROM t;
-- refuse
line 2, column 42
twice
