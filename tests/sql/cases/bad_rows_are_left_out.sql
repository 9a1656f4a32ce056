-- Rows that are no JSON, of a wrong type or out of range are left out; missing fields are NULL, unknown ones ignored.
-- input t.json
{"id": 1, "k": "a", "v": 1}
{"id": 2, "k": "a", "v": }
{"id": 3, "k": "a", "v": "x"}

{"id": 4, "k": "a", "v": 3000000000}
{"id": 5, "more": [1, {"v": 9}]}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, k, v FROM t;
-- expect INT | STRING | INT
[1, "a", 1]
[5, null, null]
