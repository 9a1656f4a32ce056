-- x NOT IN (1, NULL) is never true.
-- input t.json
{"id": 1, "k": "a", "v": 1}
{"id": 2, "k": "b", "v": 2}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id FROM t WHERE v NOT IN (1, CAST(NULL AS INT));
-- expect INT
-- nothing
