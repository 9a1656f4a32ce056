-- A log that is read twice in part: with 'table.exec.source.cdc-events-duplicate' the last row of each key counts.
-- Without it, COUNT would see the repeated rows too. Keys of two columns.
-- input t.json
{"op":"+I","row":["a",1,10]}
{"op":"+I","row":["a",2,20]}
{"op":"-U","row":["a",1,10]}
{"op":"+U","row":["a",1,11]}
{"op":"+I","row":["a",1,10]}
{"op":"+I","row":["a",2,20]}
{"op":"-U","row":["a",1,10]}
{"op":"+U","row":["a",1,11]}
{"op":"-D","row":["a",2,20]}
{"op":"-D","row":["a",2,20]}
{"op":"+I","row":["b",1,30]}
{"op":"+I","row":["b",1,30]}
-- script
SET 'table.exec.source.cdc-events-duplicate' = 'true';
CREATE TABLE t (k STRING, n INT, v INT, PRIMARY KEY (k, n) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'changelog-json');
SELECT k, COUNT(*), SUM(v) FROM t GROUP BY k;
-- expect STRING | BIGINT | INT
["a", 1, 11]
["b", 1, 30]
