-- DISTINCT keeps one of equal rows; NULL equals NULL.
-- input t.json
{"id": 1, "k": "a", "v": 1}
{"id": 2, "k": "a", "v": 1}
{"id": 3, "k": null, "v": 1}
{"id": 4, "k": null, "v": 1}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT DISTINCT k, v FROM t;
-- expect STRING | INT
["a", 1]
[null, 1]
