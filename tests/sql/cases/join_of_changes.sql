-- Both inputs are aggregations, whose rows change: the join follows them. Groups: a -> 2, b -> 1; c has no limit.
-- input l.json
{"k": "a"}
{"k": "b"}
{"k": "a"}
{"k": "c"}
-- input r.json
{"k": "a", "v": 7}
{"k": "b", "v": 1}
{"k": "a", "v": 9}
-- script
CREATE TABLE l (k STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/l.json', 'format' = 'json');
CREATE TABLE r (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/r.json', 'format' = 'json');
SELECT a.k, a.n, b.m FROM (SELECT k, COUNT(*) AS n FROM l GROUP BY k) a LEFT JOIN (SELECT k, MAX(v) AS m FROM r GROUP BY k) b ON a.k = b.k;
-- expect STRING | BIGINT | INT
["a", 2, 9]
["b", 1, 1]
["c", 1, null]
