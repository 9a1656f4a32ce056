-- CASE takes the first branch that is true; without ELSE it is NULL.
-- input t.json
{"id": 1, "k": "a", "v": 1}
{"id": 2, "k": null, "v": 20}
{"id": 3, "k": "c", "v": null}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, CASE WHEN v > 10 THEN 'big' WHEN v > 0 THEN 'small' END, CASE k WHEN 'a' THEN 1 ELSE 0 END, COALESCE(k, '?'), NULLIF(v, 1), IF(v > 10, 'y', 'n') FROM t;
-- expect INT | STRING | INT | STRING | INT | STRING
[1, "small", 1, "a", null, "n"]
[2, "big", 0, "?", 20, "y"]
[3, null, 0, "c", null, "n"]
