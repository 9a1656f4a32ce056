-- An unknown function is named, with the nearest name.
-- input t.json
{"id": 1, "k": "a", "v": 1}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT UPPPER(k) FROM t;
-- refuse
UPPPER
UPPER
