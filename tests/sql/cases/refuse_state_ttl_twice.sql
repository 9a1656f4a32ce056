-- A hint is for one operator.
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT /*+ STATE_TTL('t' = '1 d') */ k, COUNT(*) FROM t GROUP BY k UNION ALL SELECT k, SUM(v) FROM t GROUP BY k;
-- refuse
line 2, column 8
which several operators read
give each of them an alias of its own
