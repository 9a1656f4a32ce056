-- A hint in a view would be for every query that reads it.
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
CREATE VIEW w AS SELECT /*+ STATE_TTL('t' = '1 d') */ k, COUNT(*) AS n FROM t GROUP BY k; SELECT * FROM w;
-- refuse
line 2, column 25
STATE_TTL outside of a query that runs
