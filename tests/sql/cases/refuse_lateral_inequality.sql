-- A rank is among rows that are equal in what the left row asks for.
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT x.v FROM t AS o, LATERAL (SELECT v FROM t WHERE t.v > o.v ORDER BY v LIMIT 2) AS x;
-- refuse
LIMIT in LATERAL where
compare a column of the subquery with one of the left side by =
