-- -0 is equal to 0 in comparisons, IN lists of constants and of columns, CASE and NULLIF.
-- input t.json
{"x": 1.0}
-- script
CREATE TABLE t (x DOUBLE) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT a = b, a IN (b, 3e0), b IN (0e0, 7e0), b IN (0e0, 7e0, 8e0, 9e0, 10e0), a NOT IN (-1 * a, 8e0), CASE a WHEN b THEN 1 ELSE 2 END, NULLIF(a, b), CASE CAST(b AS FLOAT) WHEN CAST(a AS FLOAT) THEN 1 ELSE 2 END FROM (SELECT x * 0e0 AS a, x * -0e0 AS b FROM t);
-- expect BOOLEAN | BOOLEAN | BOOLEAN | BOOLEAN | BOOLEAN | INT | DOUBLE | INT
[true, true, true, true, false, 1, null, 1]
