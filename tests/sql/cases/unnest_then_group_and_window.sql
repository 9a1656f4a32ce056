-- Elements are grouped, joined to a window by the row time of their row, taken back with it, and kept in their order:
-- the first and last value of a key follow splits, rows, and places.
-- input t.json
{"op":"+I","row":["a",[1,2,3],"2026-03-01 09:00:01"]}
{"op":"+I","row":["b",[4],"2026-03-01 09:00:02"]}
{"op":"-U","row":["a",[1,2,3],"2026-03-01 09:00:01"]}
{"op":"+U","row":["a",[2,9],"2026-03-01 09:00:01"]}
{"op":"+I","row":["a",[7,8],"2026-03-01 09:00:11"]}
-- input o.json
{"k": "a", "v": [1, 2, 3]}
{"k": "a", "v": [4, 5]}
{"k": "b", "v": [6]}
{"k": "a", "v": [7]}
-- script
CREATE TABLE t (k STRING, v ARRAY<INT>, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'changelog-json');
CREATE TABLE o (k STRING, v ARRAY<INT>) WITH ('connector' = 'filesystem', 'path' = '$dir/o.json', 'format' = 'json');
CREATE VIEW e AS SELECT k, ts, x FROM t CROSS JOIN UNNEST(v) AS u (x);
SELECT k, COUNT(*), SUM(x), CAST(NULL AS INT) FROM e GROUP BY k
UNION ALL SELECT DATE_FORMAT(window_start, 'ss'), COUNT(*), SUM(x), CAST(NULL AS INT) FROM TABLE(TUMBLE(TABLE e, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end
UNION ALL SELECT k, COUNT(*), FIRST_VALUE(x), LAST_VALUE(x) FROM o, UNNEST(v) AS u (x) GROUP BY k;
-- expect STRING | BIGINT | INT | INT
["a", 4, 26, null]
["b", 1, 4, null]
["00", 3, 15, null]
["10", 2, 15, null]
["a", 6, 1, 7]
["b", 1, 6, 6]
