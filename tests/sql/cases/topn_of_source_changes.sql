-- The best rows of a table that changes: what is taken back goes, though it came at another time than what it takes
-- back, and equal ranks go by arrival. What is left: 1 -> 6, 3 -> 6 (later), 4 -> 8, then 5 -> 8 (later).
-- input t.json
{"before":null,"after":{"id":1,"n":5},"op":"c"}
{"before":{"id":1,"n":5},"after":{"id":1,"n":6},"op":"u"}
{"before":null,"after":{"id":2,"n":1},"op":"c"}
{"before":null,"after":{"id":3,"n":6},"op":"c"}
{"before":{"id":2,"n":1},"after":null,"op":"d"}
{"before":null,"after":{"id":5,"n":8},"op":"c"}
{"before":null,"after":{"id":4,"n":8},"op":"c"}
{"before":{"id":5,"n":8},"after":{"id":5,"n":9},"op":"u"}
{"before":{"id":5,"n":9},"after":{"id":5,"n":8},"op":"u"}
-- script
CREATE TABLE t (id INT, n INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'debezium-json');
SELECT id, n, rn FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY n) AS rn FROM t) WHERE rn <= 3;
-- expect INT | INT | BIGINT
[1, 6, 1]
[3, 6, 2]
[4, 8, 3]
