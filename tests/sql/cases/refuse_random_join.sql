-- A condition over a join is moved below it, where it would be drawn once for a row and not for a pair.
-- input t.json
{"j": "{}"}
-- script
CREATE TABLE t (j STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT a.j FROM t AS a JOIN t AS b ON a.j = b.j AND RAND() < 0.5;
-- refuse
line 2
a condition over a join draws a random value
compare that column
