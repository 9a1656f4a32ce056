-- One pipeline collects changes for one interval.
-- script
CREATE TABLE t (k STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
CREATE TABLE p (k STRING, n BIGINT) WITH ('connector' = 'print');
INSERT INTO p SELECT k, COUNT(*) FROM t GROUP BY k EMIT CHANGES EVERY INTERVAL '1' SECOND;
INSERT INTO p SELECT k, COUNT(*) FROM t GROUP BY k EMIT CHANGES EVERY INTERVAL '2' SECOND;
-- refuse
line 4, column 1
two different intervals for EMIT CHANGES
use one interval, or run two pipelines
