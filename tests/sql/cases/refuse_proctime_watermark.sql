-- The clock needs no watermark.
-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE TABLE u (id INT, came AS PROCTIME(), WATERMARK FOR came AS came)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id FROM u;
-- refuse
`came`
processing time
