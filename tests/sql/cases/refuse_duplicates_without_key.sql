-- As in Flink, duplicates are told by the key.
-- script
SET 'table.exec.source.cdc-events-duplicate' = 'true';
CREATE TABLE t (id INT, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'debezium-json');
SELECT id FROM t;
-- refuse
table `t` has no PRIMARY KEY
