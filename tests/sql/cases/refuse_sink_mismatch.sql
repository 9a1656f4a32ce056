-- A sink takes rows of its own types only.
-- input t.json
{"id": 1, "k": "a", "v": 1}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE TABLE out_table (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO out_table SELECT k FROM t;
-- refuse
out_table
