-- All rows leave when the input has ended, and none is taken back.
-- input t.json
{"k": "b"}
{"k": "a"}
{"k": "b"}
-- script
CREATE TABLE t (k STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, COUNT(*) AS n FROM t GROUP BY k ORDER BY n DESC;
-- expect STRING | BIGINT
["b", 2]
["a", 1]
