-- A sample is not all rows.
-- script
CREATE TABLE t (k STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT k FROM t TABLESAMPLE BERNOULLI (10);
-- refuse
line 2, column 15
TABLESAMPLE is not supported yet
WHERE MOD(key, 10) = 0
