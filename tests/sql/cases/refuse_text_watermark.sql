-- A watermark needs a time column.
-- input t.json
{"id": 1, "k": "a", "v": 1}
-- script
CREATE TABLE t (id INT, k STRING, WATERMARK FOR k AS k) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id FROM t;
-- refuse
k
TIMESTAMP
