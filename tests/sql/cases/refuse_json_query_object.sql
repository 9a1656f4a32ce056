-- EMPTY OBJECT cannot stand for an array.
-- input t.json
{"j": "{}"}
-- script
CREATE TABLE t (j STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT JSON_QUERY(j, '$.a' RETURNING ARRAY<STRING> EMPTY OBJECT ON ERROR) FROM t;
-- refuse
EMPTY OBJECT is no ARRAY
write EMPTY ARRAY
