-- JSON() marks a value of JSON_OBJECT or JSON_ARRAY; alone it means nothing.
-- input t.json
{"j": "{}"}
-- script
CREATE TABLE t (j STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT JSON(j) FROM t;
-- refuse
stands only as a value of JSON_OBJECT or JSON_ARRAY
