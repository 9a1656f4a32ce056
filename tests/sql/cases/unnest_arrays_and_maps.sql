-- UNNEST of an array, of an array of rows, of a map. CROSS JOIN leaves out rows without elements, LEFT JOIN ... ON TRUE
-- keeps them with NULLs. Ordinality counts from 1.
-- input t.json
{"id": 1, "tags": ["a", "b", null], "points": [{"x": 1, "y": 2}, {"x": 3}], "prices": {"eur": 5}}
{"id": 2, "tags": [], "points": null, "prices": {}}
{"id": 3, "tags": null, "points": [], "prices": null}
{"id": 4, "tags": ["c"], "points": [{"x": 7, "y": 8}], "prices": {"usd": 6, "gbp": null}}
-- script
CREATE TABLE t (id INT, tags ARRAY<STRING>, points ARRAY<ROW<x INT, y INT>>, prices MAP<STRING, INT>) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT 'array' AS what, t.id, u.tag, CAST(NULL AS INT) AS a, CAST(NULL AS INT) AS b FROM t CROSS JOIN UNNEST(t.tags) AS u (tag)
UNION ALL SELECT 'left', id, tag, n, CAST(NULL AS INT) FROM t LEFT JOIN UNNEST(tags) WITH ORDINALITY AS u (tag, n) ON TRUE
UNION ALL SELECT 'rows', id, CAST(NULL AS STRING), x, y FROM t, UNNEST(points) AS p WHERE x > 1
UNION ALL SELECT 'map', id, k, v, CAST(NULL AS INT) FROM t CROSS JOIN UNNEST(prices) AS m (k, v)
UNION ALL SELECT 'computed', id, CAST(NULL AS STRING), n, CAST(NULL AS INT) FROM t CROSS JOIN UNNEST(ARRAY[id, id * 10]) AS c (n) WHERE id = 4
UNION ALL SELECT 'alone', 0, CAST(NULL AS STRING), n, place FROM UNNEST(ARRAY[5, 6]) WITH ORDINALITY AS c (n, place);
-- expect STRING | INT | STRING | INT | INT
["array", 1, "a", null, null]
["array", 1, "b", null, null]
["array", 1, null, null, null]
["array", 4, "c", null, null]
["left", 1, "a", 1, null]
["left", 1, "b", 2, null]
["left", 1, null, 3, null]
["left", 2, null, null, null]
["left", 3, null, null, null]
["left", 4, "c", 1, null]
["rows", 1, null, 3, null]
["rows", 4, null, 7, 8]
["map", 1, "eur", 5, null]
["map", 4, "usd", 6, null]
["map", 4, "gbp", null, null]
["computed", 4, null, 4, null]
["computed", 4, null, 40, null]
["alone", 0, null, 5, 1]
["alone", 0, null, 6, 2]
