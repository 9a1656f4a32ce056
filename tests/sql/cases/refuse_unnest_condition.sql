-- LEFT JOIN UNNEST keeps every row, as in Flink.
-- script
CREATE TABLE t (id INT, v ARRAY<INT>) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id FROM t LEFT JOIN UNNEST(v) AS u (x) ON x > id;
-- refuse
this kind of JOIN with UNNEST
ON TRUE
