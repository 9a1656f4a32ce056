-- Of rows with the same price the one that arrived first has the lesser rank; NULL ranks last when descending.
-- input t.json
{"id": 1, "k": "a", "p": 5}
{"id": 2, "k": "a", "p": 9}
{"id": 3, "k": "b", "p": null}
{"id": 4, "k": "a", "p": 9}
{"id": 5, "k": "a", "p": 9}
{"id": 6, "k": "b", "p": 1}
{"id": 7, "k": "a", "p": 10}
-- script
CREATE TABLE t (id INT, k STRING, p INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, id, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY p DESC) AS rn FROM t) WHERE rn <= 3;
-- expect STRING | INT | BIGINT
["a", 7, 1]
["a", 2, 2]
["a", 4, 3]
["b", 6, 1]
["b", 3, 2]
