-- Every row of VALUES has as many values as the first.
-- script
CREATE TABLE t (a INT, b INT) WITH ('connector' = 'print');
INSERT INTO t VALUES (1, 2), (3);
-- refuse
row 2 of VALUES has 1 values, the first 2
