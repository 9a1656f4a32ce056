-- Flink refuses it too.
-- script
CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id FROM (SELECT *, RANK() OVER (ORDER BY id) AS rn FROM t) WHERE rn <= 2;
-- refuse
RANK
ROW_NUMBER
