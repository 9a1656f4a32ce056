-- A way of enforcing lengths that Millrace does not have.
-- input t.json
{"k": 1, "s": "abcdef"}
{"k": 2, "s": "x"}
{"k": 3, "s": null}
{"s": "z"}
-- script
CREATE TABLE t (k INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SET 'table.exec.sink.type-length-enforcer' = 'ERROR';
SELECT k FROM t;
-- refuse
line 2
write IGNORE or TRIM_PAD
