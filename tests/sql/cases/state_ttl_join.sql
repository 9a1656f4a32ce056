-- Rows of a join that are kept for a day are there for all rows of a short run.
-- input l.json
{"k": "a", "v": 1}
{"k": "b", "v": 2}
{"k": "a", "v": 4}
-- input r.json
{"k": "a", "w": 10}
{"k": "c", "w": 30}
-- script
CREATE TABLE l (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/l.json', 'format' = 'json');
CREATE TABLE r (k STRING, w INT) WITH ('connector' = 'filesystem', 'path' = '$dir/r.json', 'format' = 'json');
SELECT /*+ STATE_TTL('l' = '1 d', 'x' = '2 d') */ l.k, v, x.k, w FROM l FULL JOIN r AS x ON l.k = x.k;
-- expect STRING | INT | STRING | INT
["a", 1, "a", 10]
["a", 4, "a", 10]
["b", 2, null, null]
[null, null, "c", 30]
