-- The first row by row time: id 4 has the time of id 2 and came later; id 5 is late (the watermark is 12 s).
-- The last: of the same time the one that came last.
-- input t.json
{"id": 1, "k": "a", "ts": "2026-01-01 00:00:05"}
{"id": 2, "k": "a", "ts": "2026-01-01 00:00:04"}
{"id": 3, "k": "b", "ts": "2026-01-01 00:00:12"}
{"id": 4, "k": "a", "ts": "2026-01-01 00:00:04"}
{"id": 6, "k": "c", "ts": "2026-01-01 00:00:17"}
{"id": 5, "k": "d", "ts": "2026-01-01 00:00:11"}
{"id": 7, "k": "c", "ts": "2026-01-01 00:00:17"}
-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT 'first' AS w, k, id FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts ASC) AS rn FROM t) WHERE rn = 1
UNION ALL
SELECT 'last' AS w, k, id FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts DESC) AS rn FROM t) WHERE rn = 1;
-- expect STRING | STRING | INT
["first", "a", 2]
["first", "b", 3]
["first", "c", 6]
["last", "a", 1]
["last", "b", 3]
["last", "c", 7]
["last", "d", 5]
