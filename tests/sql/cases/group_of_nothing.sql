-- A continuous aggregation without GROUP BY shows nothing until a row comes.
-- input t.json
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT COUNT(*) FROM t;
-- expect BIGINT
-- nothing
