-- Upserts are known by their key.
-- script
CREATE TABLE t (id INT, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'debezium-json', 'changelog-mode' = 'I,UA,D');
SELECT id FROM t;
-- refuse
table `t` sends upserts, but has no PRIMARY KEY
PRIMARY KEY (id) NOT ENFORCED
