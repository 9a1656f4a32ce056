-- Options that would change what is read are not passed over.
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT k FROM t /*+ OPTIONS('number-of-rows' = '5') */;
-- refuse
line 2, column 17
the hint OPTIONS is not supported yet
table options belong to CREATE TABLE
