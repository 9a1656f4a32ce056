-- Without a primary key every row of the table with the key counts; orders without one leave an inner join.
-- input t.json
{"id": 1, "k": "a"}
{"id": 2, "k": "b"}
{"id": 3, "k": "a"}
-- input d.json
{"k": "a", "v": 1}
{"k": "c", "v": 2}
{"k": "a", "v": 3}
-- script
CREATE TABLE t (id INT, k STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE TABLE d (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/d.json', 'format' = 'json');
SELECT b.id, d.v FROM (SELECT *, PROCTIME() AS p FROM t) AS b JOIN d FOR SYSTEM_TIME AS OF b.p ON b.k = d.k;
-- expect INT | INT
[1, 1]
[1, 3]
[3, 1]
[3, 3]
