-- INTERSECT ALL keeps a row as often as both sides have it, EXCEPT ALL as often as the left has it more.
-- input l.json
{"v": 1, "s": "a"}
{"v": 1, "s": "a"}
{"v": 1, "s": "a"}
{"v": 2, "s": "b"}
{"v": null, "s": "c"}
{"v": null, "s": "c"}
{"v": 1, "s": "z"}
-- input r.json
{"w": 1, "s": "a"}
{"w": 2, "s": "b"}
{"w": 2, "s": "b"}
{"w": null, "s": "c"}
{"w": 3, "s": "a"}
-- script
CREATE TABLE l (v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/l.json', 'format' = 'json');
CREATE TABLE r (w BIGINT, s STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/r.json', 'format' = 'json');
SELECT 'both', v, s FROM (SELECT v, s FROM l INTERSECT ALL SELECT w, s FROM r)
UNION ALL SELECT 'left', v, s FROM (SELECT v, s FROM l EXCEPT ALL SELECT w, s FROM r)
UNION ALL SELECT 'right', w, s FROM (SELECT w, s FROM r EXCEPT ALL (SELECT v, s FROM l WHERE v = 2) EXCEPT ALL SELECT v, s FROM l WHERE v = 1);
-- expect STRING | BIGINT | STRING
["both", 1, "a"]
["both", 2, "b"]
["both", null, "c"]
["left", 1, "a"]
["left", 1, "a"]
["left", null, "c"]
["left", 1, "z"]
["right", 2, "b"]
["right", null, "c"]
["right", 3, "a"]
