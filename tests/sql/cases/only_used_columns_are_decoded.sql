-- A field that the query does not use may be anything: only what is used is decoded.
-- input t.json
{"id": 1, "k": "a", "v": "not a number"}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id FROM t;
-- expect INT
[1]
