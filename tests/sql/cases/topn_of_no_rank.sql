-- No rank is less than one.
-- input t.json
{"id": 1}
{"id": 2}
-- script
CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, rn FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY id) AS rn FROM t) WHERE rn < 1;
-- expect INT | BIGINT
