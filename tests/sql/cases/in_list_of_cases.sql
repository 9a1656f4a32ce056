-- The values of a list may depend on the row, also where they are a CASE of constants.
-- input t.json
{"a": false, "v": 1}
{"a": null, "v": 2}
{"a": true, "v": 3}
{"a": true, "v": 4}
{"a": true, "v": null}
-- script
CREATE TABLE t (a BOOLEAN, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT v, v + 1 NOT IN (CASE WHEN a THEN 5 END, 9), v + 1 IN (9, CASE WHEN a THEN 5 ELSE 2 END), v IN (CASE WHEN a THEN 3 WHEN a THEN v END, 7) FROM t;
-- expect INT | BOOLEAN | BOOLEAN | BOOLEAN
[1, null, true, null]
[2, null, false, null]
[3, true, false, true]
[4, false, true, false]
[null, null, null, null]
