-- Rows are ranked by values of any type that has an order: by a TIME, by BYTES.
-- input t.json
{"id": 1, "at": "12:00:00", "b": "AgE="}
{"id": 2, "at": "09:30:00", "b": "AQ=="}
{"id": 3, "at": null, "b": "Ag=="}
-- script
CREATE TABLE t (id INT, at TIME(0), b BYTES) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, rn FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY at DESC) AS rn FROM t) WHERE rn <= 2
UNION ALL
SELECT id, 10 + rn FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY b) AS rn FROM t) WHERE rn <= 2;
-- expect INT | BIGINT
[1, 1]
[2, 2]
[2, 11]
[3, 12]
