-- Dropping what is not there.
-- input t.json
{"k": "a", "v": 1}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
DROP TEMPORARY FUNCTION plus;
SELECT v FROM t;
-- refuse
line 2, column 1
unknown function `plus`
