-- Comparisons with NULL are unknown; WHERE keeps only what is true.
-- input t.json
{"id": 1, "k": "a", "v": 1}
{"id": 2, "k": null, "v": 2}
{"id": 3, "k": "c", "v": null}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, k = 'a', v > 1 OR k = 'a', v > 1 AND k = 'a', v IS NOT DISTINCT FROM CAST(NULL AS INT) FROM t WHERE v IS NULL OR v NOT IN (5, 6);
-- expect INT | BOOLEAN | BOOLEAN | BOOLEAN | BOOLEAN
[1, true, true, false, false]
[2, null, true, null, false]
[3, false, null, false, true]
