-- Ranks 2 to 4 of a query whose rows change: c: 3, a: 2, b: 1, d: 1, of which c is skipped.
-- input t.json
{"k": "a"}
{"k": "b"}
{"k": "c"}
{"k": "c"}
{"k": "d"}
{"k": "a"}
{"k": "c"}
{"k": "e"}
-- script
CREATE TABLE t (k STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, COUNT(*) AS n FROM t GROUP BY k ORDER BY n DESC, k LIMIT 3 OFFSET 1;
-- expect STRING | BIGINT
["a", 2]
["b", 1]
["d", 1]
