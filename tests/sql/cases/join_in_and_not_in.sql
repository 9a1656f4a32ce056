-- NOT IN is not true if a value of the subquery is NULL; IN and NOT EXISTS do not mind.
-- input l.json
{"id": 1, "v": 1}
{"id": 2, "v": 2}
{"id": 3, "v": null}
-- input r.json
{"w": 2, "ok": true}
{"w": null, "ok": false}
-- script
CREATE TABLE l (id INT, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/l.json', 'format' = 'json');
CREATE TABLE r (w INT, ok BOOLEAN) WITH ('connector' = 'filesystem', 'path' = '$dir/r.json', 'format' = 'json');
SELECT 'in', id FROM l WHERE v IN (SELECT w FROM r)
UNION ALL SELECT 'not in', id FROM l WHERE v NOT IN (SELECT w FROM r)
UNION ALL SELECT 'not in known', id FROM l WHERE v NOT IN (SELECT w FROM r WHERE ok)
UNION ALL SELECT 'not in none', id FROM l WHERE v NOT IN (SELECT w FROM r WHERE w > 5)
UNION ALL SELECT 'not exists', id FROM l WHERE NOT EXISTS (SELECT 1 FROM r WHERE r.w = l.v);
-- expect STRING | INT
["in", 2]
["not in known", 1]
["not in none", 1]
["not in none", 2]
["not in none", 3]
["not exists", 1]
["not exists", 3]
