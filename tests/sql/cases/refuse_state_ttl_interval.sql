-- An interval join forgets by event time: a hint beside it would be for nothing.
-- script
CREATE TABLE t (k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT /*+ STATE_TTL('a' = '1 d') */ a.k FROM t AS a JOIN t AS b ON a.k = b.k AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1' SECOND;
-- refuse
line 2, column 8
STATE_TTL names `a`, which no GROUP BY and no JOIN of the query reads
a JOIN without a bound in time
