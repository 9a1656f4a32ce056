-- Which rows are the first must be said.
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT x.v FROM t AS o, LATERAL (SELECT v FROM t WHERE t.k = o.k LIMIT 2) AS x;
-- refuse
LIMIT in LATERAL without ORDER BY
say which rows are the first
