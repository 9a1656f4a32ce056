-- UNION keeps one of equal rows, UNION ALL all.
-- input t.json
{"id": 1, "k": "a", "v": 1}
{"id": 2, "k": "b", "v": 2}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT 'all' AS how, k FROM t UNION ALL SELECT 'all', k FROM t WHERE v = 1
UNION ALL SELECT 'one', k FROM (SELECT k FROM t UNION SELECT k FROM t);
-- expect STRING | STRING
["all", "a"]
["all", "b"]
["all", "a"]
["one", "a"]
["one", "b"]
