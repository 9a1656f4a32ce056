-- Without equal keys all rows meet in one place.
-- input l.json
{"id": 1}
{"id": 2}
{"id": 3}
-- script
CREATE TABLE l (id INT) WITH ('connector' = 'filesystem', 'path' = '$dir/l.json', 'format' = 'json');
SELECT a.id, b.id FROM l a JOIN l b ON a.id < b.id;
-- expect INT | INT
[1, 2]
[1, 3]
[2, 3]
