-- What a join without bounds in time keeps is not forgotten yet: a hint that changes the answer is not passed over.
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SELECT /*+ STATE_TTL('a' = '1 d', 'b' = '2 d') */ a.v, b.v FROM t AS a JOIN t AS b ON a.k = b.k;
-- refuse
line 2, column 8
the state of a join cannot be forgotten by the clock yet
bound the join by an interval of row times
