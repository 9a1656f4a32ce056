-- Groups that are forgotten cannot be sent at the end.
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT /*+ STATE_TTL('t' = '1 d') */ k, COUNT(*) FROM t GROUP BY k EMIT FINAL;
-- refuse
line 2, column 8
EMIT FINAL of groups that are forgotten
leave EMIT FINAL out
