-- The left side may be named in WHERE alone.
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT x.s FROM t AS o, LATERAL (SELECT v + o.v AS s FROM t) AS x;
-- refuse
line 2, column 1
LATERAL subquery is not supported
refer to the left side in its WHERE alone
