A hint that changes the answer is not passed over.

-- input t.json
{"a": 1}

-- script
CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT /*+ STATE_TTL('t' = '1s') */ a, COUNT(*) FROM t GROUP BY a;

-- refuse
line 2, column 8
the hint STATE_TTL is not supported yet
