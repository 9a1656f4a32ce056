-- An unknown column is named, with its place and the nearest name.
-- input t.json
{"id": 1, "price": 1}
-- script
CREATE TABLE t (id INT, price INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id,
  pirce FROM t;
-- refuse
line 3
pirce
price
