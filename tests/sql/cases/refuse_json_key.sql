-- Keys of JSON_OBJECT are texts.
-- input t.json
{"j": "{}"}
-- script
CREATE TABLE t (j STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT JSON_OBJECT(KEY j VALUE 1) FROM t;
-- refuse
line 2, column 24
a key of JSON_OBJECT is a text in quotes
'key' VALUE value
