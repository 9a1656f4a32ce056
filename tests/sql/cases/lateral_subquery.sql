-- Without LIMIT a LATERAL subquery is a join; an aggregate is one of the rows for each left row, of none too.
-- input o.json
{"id": 1, "k": "a"}
{"id": 2, "k": "b"}
{"id": 3, "k": "z"}
-- input t.json
{"k": "a", "v": 5}
{"k": "a", "v": 7}
{"k": "b", "v": 1}
-- script
CREATE TABLE o (id INT, k STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/o.json', 'format' = 'json');
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT 'rows', o.id, x.v FROM o CROSS JOIN LATERAL (SELECT v FROM t WHERE t.k = o.k AND t.v > o.id) AS x
UNION ALL
SELECT 'sum', o.id, x.s FROM o, LATERAL (SELECT SUM(v) AS s FROM t WHERE t.k = o.k) AS x
UNION ALL
SELECT 'count', o.id, x.c FROM o JOIN LATERAL (SELECT CAST(COUNT(*) AS INT) + 1 AS c FROM t WHERE t.k = o.k AND v < 6) AS x ON x.c > 0
UNION ALL
SELECT 'left', o.id, x.c FROM o LEFT JOIN LATERAL (SELECT CAST(COUNT(*) AS INT) AS c FROM t WHERE t.k = o.k) AS x ON x.c < 2
UNION ALL
SELECT 'group', o.id, x.s FROM o, LATERAL (SELECT SUM(v) AS s FROM t WHERE t.k = o.k AND v > 1 GROUP BY k) AS x;
-- expect STRING | INT | INT
["rows", 1, 5]
["rows", 1, 7]
["sum", 1, 12]
["sum", 2, 1]
["sum", 3, null]
["count", 1, 2]
["count", 2, 2]
["count", 3, 1]
["left", 1, null]
["left", 2, 1]
["left", 3, 0]
["group", 1, 12]
