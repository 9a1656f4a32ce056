-- Without an order the rows that came first are kept.
-- input t.json
{"id": 7}
{"id": 9}
{"id": 1}
{"id": 3}
-- script
CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id FROM t LIMIT 2;
-- expect INT
[7]
[9]
