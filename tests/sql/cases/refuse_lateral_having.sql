-- HAVING would take away the one row that an aggregate of none gives.
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT x.s FROM t AS o, LATERAL (SELECT SUM(v) AS s FROM t WHERE t.k = o.k HAVING SUM(v) > 1) AS x;
-- refuse
HAVING, or anything else over an aggregate without GROUP BY, in LATERAL
ask it of the rows in the query above
