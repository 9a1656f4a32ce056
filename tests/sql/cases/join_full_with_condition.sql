-- Keys alone do not make partners: the rest of the condition must hold too.
-- input l.json
{"id": 1, "k": "a", "v": 5}
{"id": 2, "k": "a", "v": 20}
-- input r.json
{"k": "a", "v": 10}
{"k": "b", "v": 1}
-- script
CREATE TABLE l (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/l.json', 'format' = 'json');
CREATE TABLE r (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/r.json', 'format' = 'json');
SELECT l.id, r.k, r.v FROM l FULL JOIN r ON l.k = r.k AND l.v > r.v;
-- expect INT | STRING | INT
[1, null, null]
[2, "a", 10]
[null, "b", 1]
