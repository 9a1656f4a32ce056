-- A list of rows is joined and grouped like any table. SELECT without FROM gives one row.
-- input t.json
{"k": "a", "v": 1}
{"k": "b", "v": 2}
{"k": "a", "v": 3}
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE VIEW names AS SELECT * FROM (VALUES ('a', 'Anna'), ('b', 'Bert'), ('c', 'Cora')) AS n (k, name);
SELECT n.name, s.total FROM names AS n LEFT JOIN (SELECT k, SUM(v) AS total FROM t GROUP BY k) AS s ON n.k = s.k
UNION ALL SELECT 'rows', CAST(COUNT(*) AS INT) FROM names
UNION ALL SELECT UPPER('one'), 6 * 7
UNION ALL SELECT 'none', 1 WHERE 1 > 2;
-- expect STRING | INT
["Anna", 4]
["Bert", 2]
["Cora", null]
["rows", 3]
["ONE", 42]
