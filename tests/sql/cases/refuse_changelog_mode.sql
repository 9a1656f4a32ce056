-- There are four kinds of changes.
-- script
CREATE TABLE t (id INT, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'changelog-json', 'changelog-mode' = 'all');
SELECT id FROM t;
-- refuse
'changelog-mode' = 'all'
'I,UA,UB,D'
