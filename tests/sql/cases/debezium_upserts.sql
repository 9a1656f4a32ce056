-- A database that does not log old rows: with 'changelog-mode' = 'I,UA,D' a row is known by its key, and a delete needs
-- no more than that, also where a column is NOT NULL. NULL in a NOT NULL column of a row that stays is a bad row.
-- input t.json
{"before":null,"after":{"id":1,"v":5,"k":"a"},"op":"c"}
{"before":null,"after":{"id":2,"v":7,"k":"a"},"op":"c"}
{"before":null,"after":{"id":1,"v":6,"k":"a"},"op":"u"}
{"before":{"id":2},"after":null,"op":"d"}
{"before":{"id":9},"after":null,"op":"d"}
{"before":null,"after":{"id":3,"v":1,"k":"b"},"op":"u"}
{"before":null,"after":{"id":3,"k":"c"},"op":"u"}
{"before":null,"after":{"id":1,"v":6,"k":"a"},"op":"u"}
-- script
CREATE TABLE t (id INT, v INT NOT NULL, k STRING, twice AS v * 2, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'debezium-json', 'changelog-mode' = 'I,UA,D');
SELECT k, COUNT(*), SUM(v), SUM(twice) FROM t GROUP BY k;
-- expect STRING | BIGINT | INT | INT
["a", 1, 6, 12]
["b", 1, 1, 2]
