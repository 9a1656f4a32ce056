-- Rows that change go and come on either side; the counts follow, and what is grouped above follows them.
-- input t.json
{"k": "a", "v": 1}
{"k": "b", "v": 1}
{"k": "a", "v": 2}
{"k": "c", "v": 2}
{"k": "b", "v": 3}
{"k": "c", "v": 3}
{"k": "c", "v": 3}
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
-- Numbers of rows by k: a 2, b 2, c 3. By v: 1 2, 2 2, 3 3.
CREATE VIEW by_k AS SELECT COUNT(*) AS n FROM t GROUP BY k;
CREATE VIEW by_v AS SELECT COUNT(*) AS n FROM t WHERE v <> 2 GROUP BY v;
SELECT what, n, COUNT(*) FROM (
  SELECT 'both' AS what, n FROM (SELECT n FROM by_k INTERSECT ALL SELECT n FROM by_v)
  UNION ALL SELECT 'left', n FROM (SELECT n FROM by_k EXCEPT ALL SELECT n FROM by_v)
) GROUP BY what, n;
-- expect STRING | BIGINT | BIGINT
["both", 2, 1]
["both", 3, 1]
["left", 2, 1]
