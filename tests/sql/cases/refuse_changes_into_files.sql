-- A sink that can only append refuses a query that updates.
-- input t.json
{"id": 1, "k": "a", "v": 1}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE TABLE out_table (k STRING, n BIGINT) WITH ('connector' = 'filesystem', 'path' = '$dir/out', 'format' = 'json');
INSERT INTO out_table SELECT k, COUNT(*) FROM t GROUP BY k;
-- refuse
out_table
