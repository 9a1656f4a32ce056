-- Rows with kinds in the text of the script, as upserts: what is left is the last row of each key.
-- script
CREATE TABLE t (id INT, name STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'values', 'changelog-mode' = 'I,UA,D', 'rows' = '[
  {"op": "+U", "row": [1, "a"]}, {"op": "+U", "row": [2, "b"]}, {"op": "+U", "row": [1, "c"]}, {"op": "-D", "row": [2, null]}, {"op": "+I", "row": [3, "d"]}
]');
SELECT name, id FROM t WHERE id < 3 OR name = 'd';
-- expect STRING | INT
["c", 1]
["d", 3]
