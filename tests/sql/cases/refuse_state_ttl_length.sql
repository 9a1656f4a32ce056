-- A duration has a unit that is known.
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT /*+ STATE_TTL('t' = '1 fortnight') */ k, COUNT(*) FROM t GROUP BY k;
-- refuse
line 2, column 8
'1 fortnight' is not a duration
