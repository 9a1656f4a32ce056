-- With a seed, the row that gets a number would depend on shards and batches.
-- input t.json
{"j": "{}"}
-- script
CREATE TABLE t (j STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT RAND(7) FROM t;
-- refuse
line 2
a seed is not supported
leave the seed out
