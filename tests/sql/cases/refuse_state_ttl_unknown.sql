-- A hint that is for nothing is a mistake.
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT /*+ STATE_TTL('u' = '1 d') */ k, COUNT(*) FROM t GROUP BY k;
-- refuse
line 2, column 8
STATE_TTL names `u`, which no GROUP BY and no JOIN of the query reads
