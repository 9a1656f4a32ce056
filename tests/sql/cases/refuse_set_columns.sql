-- Both sides of a set operation have the same columns.
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT k, v FROM t EXCEPT ALL SELECT k FROM t;
-- refuse
EXCEPT ALL of queries with 2 columns and 1
let both sides select as many columns
