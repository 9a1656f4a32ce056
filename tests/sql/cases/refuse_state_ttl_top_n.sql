-- The setting is for every operator that keeps state for ever; those that cannot forget by the clock refuse it.
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
SET 'table.exec.state.ttl' = '1 d'; SELECT k, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) AS n FROM t) WHERE n < 3;
-- refuse
line 2, column 37
the state of a top-N cannot be forgotten by the clock yet
rank the rows of a window
