-- An aggregate without keys is no row before there is one to aggregate, also if nothing is read of it; then it is one.
-- input t.json
{"v": 1}
{"v": 2}
-- script
CREATE TABLE t (v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT 'none' FROM (SELECT COUNT(*) AS n, MAX(v) AS m FROM t WHERE v > 5)
UNION ALL SELECT 'one' FROM (SELECT SUM(v) AS n FROM t WHERE v > 0) AS s WHERE CAST('1' AS INT) = 1
UNION ALL SELECT CAST(COUNT(*) AS STRING) FROM (SELECT COUNT(*) AS n FROM t WHERE v > 5)
UNION ALL SELECT CAST(COUNT(*) AS STRING) FROM (SELECT COUNT(*) AS n FROM t);
-- expect STRING
["one"]
["1"]
