-- Over rows that change a user aggregate takes back what was.
-- input t.json
{"k": "a", "v": 1}
{"k": "b", "v": 5}
{"k": "a", "v": 2}
{"k": "a", "v": 4}
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION total AS '$dir/total.wasm' LANGUAGE WASM;
SELECT n, total(s) FROM (SELECT k, COUNT(*) AS n, SUM(v) AS s FROM t GROUP BY k) GROUP BY n;
-- expect BIGINT | BIGINT
[1, 5]
[3, 7]
