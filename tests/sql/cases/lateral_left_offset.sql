-- LEFT JOIN LATERAL keeps a row for which there is none; ORDER BY what is not selected; OFFSET.
-- input o.json
{"id": 1, "k": "a"}
{"id": 2, "k": "b"}
{"id": 3, "k": "z"}
-- input t.json
{"k": "a", "v": 5, "w": "p"}
{"k": "a", "v": 7, "w": "q"}
{"k": "a", "v": 9, "w": "r"}
{"k": "b", "v": 1, "w": "s"}
{"k": "b", "v": 2, "w": "t"}
-- script
CREATE TABLE o (id INT, k STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/o.json', 'format' = 'json');
CREATE TABLE t (k STRING, v INT, w STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT o.id, x.w FROM o LEFT JOIN LATERAL (SELECT w FROM t WHERE t.k = o.k ORDER BY v + 1 LIMIT 1 OFFSET 1) AS x ON TRUE;
-- expect INT | STRING
[1, "q"]
[2, "t"]
[3, null]
