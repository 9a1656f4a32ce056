-- Sets have no doubles, and NULL is one value among others.
-- input l.json
{"v": 1}
{"v": 1}
{"v": 2}
{"v": null}
-- input r.json
{"w": 2}
{"w": 2}
{"w": null}
{"w": 3}
-- script
CREATE TABLE l (v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/l.json', 'format' = 'json');
CREATE TABLE r (w INT) WITH ('connector' = 'filesystem', 'path' = '$dir/r.json', 'format' = 'json');
SELECT 'both', v FROM (SELECT v FROM l INTERSECT SELECT w FROM r)
UNION ALL SELECT 'left', v FROM (SELECT v FROM l EXCEPT SELECT w FROM r);
-- expect STRING | INT
["both", 2]
["both", null]
["left", 1]
