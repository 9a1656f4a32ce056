-- A table whose rows change cannot be written to one that only takes new rows.
-- script
CREATE TABLE t (id INT, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'changelog-json');
CREATE TABLE out_table (id INT) WITH ('connector' = 'filesystem', 'path' = '$dir/out', 'format' = 'csv');
INSERT INTO out_table SELECT id FROM t WHERE v > 2;
-- refuse
`out_table` takes new rows only
