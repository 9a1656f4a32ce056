-- % is any text, _ one character, unless escaped.
-- input t.json
{"s": "10%"}
{"s": "100"}
{"s": "1_0"}
-- script
CREATE TABLE t (s STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT s, s LIKE '1_0', s LIKE '1!_0' ESCAPE '!', s LIKE '10%', s LIKE '%!%' ESCAPE '!' FROM t;
-- expect STRING | BOOLEAN | BOOLEAN | BOOLEAN | BOOLEAN
["10%", false, false, true, true]
["100", true, false, true, false]
["1_0", true, true, false, false]
