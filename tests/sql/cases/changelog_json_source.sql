-- What one query prints as changes another can read; columns by position, only those that are used.
-- input l.json
{"op":"+I","row":[1,"a",[1,2],"2026-03-01 09:00:00"]}
{"op":"+I","row":[2,"b",[],"2026-03-01T09:00:01.5"]}
{ "row" : [ 2 , "b" , [ ] , null ] , "op" : "-U" }
{"op":"+U","row":[3,"b",null,null]}
{"op":"+X","row":[4,"d",null,null]}
{"op":"+I","row":[4,"d",null]}
{"op":"+I","row":[4,"d",null,null,5]}
{"op":"+I"}
{"op":"-D","row":[1,"a",[1,2],"2026-03-01 09:00:00"]}
{"op":"+I","row":[6,"a",null,null],"row":[5,"a",null,null]}
{"op":"+I","row":[7,"c",null,null]}
-- input names.json
{"k": "a", "name": "Anna"}
{"k": "b", "name": "Bert"}
-- script
CREATE TABLE l (v INT, k STRING, tags ARRAY<INT>, at TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '$dir/l.json', 'format' = 'changelog-json');
CREATE TABLE names (k STRING, name STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/names.json', 'format' = 'json');
SELECT n.name, l.k, l.v FROM l LEFT JOIN names AS n ON l.k = n.k;
-- expect STRING | STRING | INT
["Bert", "b", 3]
[null, "c", 7]
