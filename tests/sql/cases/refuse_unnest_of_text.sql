-- UNNEST takes what has elements.
-- script
CREATE TABLE t (id INT, name STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id FROM t CROSS JOIN UNNEST(name) AS u (x);
-- refuse
UNNEST takes an ARRAY or a MAP, not STRING
