-- A hint that is not written right is not passed over.
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT /*+ STATE_TTL('t', '1 d') */ k, COUNT(*) FROM t GROUP BY k;
-- refuse
line 2, column 8
the hint is not written like this
STATE_TTL('t' = '1 d')
