-- An unknown option is named, with the nearest name.
-- input t.json
{"id": 1, "k": "a", "v": 1}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE TABLE u (id INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'json.ignore-parse-error' = 'true');
SELECT id FROM u;
-- refuse
json.ignore-parse-error
json.ignore-parse-errors
