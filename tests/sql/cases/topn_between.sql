-- The second and third; NULL ranks first when ascending. Another condition stays above the ranking.
-- input t.json
{"id": 1, "p": 5}
{"id": 2, "p": null}
{"id": 3, "p": 3}
{"id": 4, "p": 4}
{"id": 5, "p": 1}
-- script
CREATE TABLE t (id INT, p INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, rn FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY p) AS rn FROM t) WHERE rn BETWEEN 2 AND 4 AND id <> 3;
-- expect INT | BIGINT
[5, 2]
[4, 4]
