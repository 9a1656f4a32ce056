-- In processing time the first and the last that came.
-- input t.json
{"id": 1, "k": "a"}
{"id": 2, "k": "b"}
{"id": 3, "k": "a"}
{"id": 4, "k": "b"}
-- script
CREATE TABLE t (id INT, k STRING, pt AS PROCTIME()) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT 'first', k, id FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY pt) AS rn FROM t) WHERE rn = 1
UNION ALL
SELECT 'last', k, id FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY pt DESC) AS rn FROM t) WHERE rn = 1;
-- expect STRING | STRING | INT
["first", "a", 1]
["first", "b", 2]
["last", "a", 3]
["last", "b", 4]
