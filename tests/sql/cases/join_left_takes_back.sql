-- A left row leaves alone until its partner comes; a NULL key has none, and NULL is not equal to NULL.
-- input l.json
{"id": 1, "k": "a"}
{"id": 2, "k": "b"}
{"id": 3, "k": null}
-- input r.json
{"k": "a", "v": 10}
{"k": "a", "v": 11}
{"k": null, "v": 12}
{"k": "c", "v": 13}
-- script
CREATE TABLE l (id INT, k STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/l.json', 'format' = 'json');
CREATE TABLE r (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/r.json', 'format' = 'json');
SELECT l.id, r.v FROM l LEFT JOIN r ON l.k = r.k;
-- expect INT | INT
[1, 10]
[1, 11]
[2, null]
[3, null]
