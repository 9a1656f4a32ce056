-- A random value is drawn once for each row and each call: it is not folded, two calls do not share one, and a column that is read twice is the same twice.
-- input t.json
{"k": 1}
{"k": 2}
{"k": 3}
{"k": 4}
-- script
CREATE TABLE t (k INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT COUNT(*), COUNT(DISTINCT u), COUNT(DISTINCT u) FILTER (WHERE u <> v AND u = w), COUNT(*) FILTER (WHERE n BETWEEN 0 AND 4 AND r >= 0 AND r < 1), COUNT(DISTINCT r)
FROM (SELECT *, u AS w FROM (SELECT UUID() AS u, UUID() AS v, RAND_INTEGER(5) AS n, RAND() AS r FROM t) WHERE r = r AND u = u AND RAND() >= 0);
-- expect BIGINT | BIGINT | BIGINT | BIGINT | BIGINT
[4, 4, 4, 4, 4]
