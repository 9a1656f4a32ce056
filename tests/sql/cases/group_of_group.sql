-- An aggregation over an aggregation takes back what changed: counts 3, 1 and 2, once each.
-- input t.json
{"id": 1, "k": "a", "v": 1}
{"id": 2, "k": "b", "v": 5}
{"id": 3, "k": "a", "v": 2}
{"id": 4, "k": null, "v": 7}
{"id": 5, "k": "a", "v": null}
{"id": 6, "k": null, "v": 1}
-- script
CREATE TABLE t (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT n, COUNT(*) FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k) GROUP BY n;
-- expect BIGINT | BIGINT
[3, 1]
[1, 1]
[2, 1]
