-- An unknown table is named, with the nearest name.
-- input t.json
{"id": 1, "k": "a", "v": 1}
-- script
CREATE TABLE trades (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id FROM tradse;
-- refuse
tradse
trades
