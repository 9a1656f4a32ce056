-- IS [NOT] DISTINCT FROM binds closer than NOT, AND and OR, and less than arithmetic.
-- input t.json
{"id": 1, "a": 1, "b": 1}
{"id": 2, "a": 1, "b": 2}
{"id": 3, "a": null, "b": null}
{"id": 4, "a": 1, "b": 0}
-- script
CREATE TABLE t (id INT, a INT, b INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, a IS DISTINCT FROM b AND id > 3, a IS NOT DISTINCT FROM b OR id = 2, NOT a IS NOT DISTINCT FROM b, a IS NOT DISTINCT FROM b + 1 FROM t;
-- expect INT | BOOLEAN | BOOLEAN | BOOLEAN | BOOLEAN
[1, false, true, false, false]
[2, false, true, true, false]
[3, false, true, false, true]
[4, true, false, true, true]
