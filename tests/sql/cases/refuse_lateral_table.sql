-- Table functions of users are not there yet.
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT w FROM t AS o, LATERAL TABLE (split(o.k, ',')) AS x(w);
-- refuse
LATERAL TABLE of this is not supported yet
CROSS JOIN UNNEST
