-- As a function of processing time a table would have to be followed as it changes.
-- script
CREATE TABLE o (k STRING, p AS PROCTIME()) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
CREATE TABLE r (k STRING, v INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT r.v FROM o, LATERAL TABLE (r(o.p)) AS r WHERE o.k = r.k;
-- refuse
line 3, column 1
processing time
JOIN t FOR SYSTEM_TIME AS OF
