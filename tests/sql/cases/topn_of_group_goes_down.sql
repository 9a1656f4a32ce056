-- Counts change: what was among the best leaves again. b: 3, c: 2, a: 1.
-- input t.json
{"k": "a"}
{"k": "b"}
{"k": "c"}
{"k": "b"}
{"k": "c"}
{"k": "b"}
-- script
CREATE TABLE t (k STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, n FROM (SELECT k, n, ROW_NUMBER() OVER (ORDER BY n DESC, k) AS rn FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k)) WHERE rn < 3;
-- expect STRING | BIGINT
["b", 3]
["c", 2]
