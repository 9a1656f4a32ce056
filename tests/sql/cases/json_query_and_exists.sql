-- JSON_QUERY writes keys in order and numbers exactly, wraps as asked, and lists what a wildcard finds; JSON_EXISTS takes a strict miss as an error; IS JSON knows the kinds, and NULL is no JSON.
-- input t.json
{"k": 1, "j": "{\"z\": 1.50, \"a\": [{\"c\": 1}, {}, {\"c\": null}]}"}
{"k": 2, "j": "{\"a\": \"s\"}"}
{"k": 3, "j": "[1, 2"}
{"k": 4, "j": null}
-- script
CREATE TABLE t (k INT, j STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT k, JSON_QUERY(j, '$'), JSON_QUERY(j, '$.a[*].c'), JSON_QUERY(j, '$.a' WITH CONDITIONAL WRAPPER EMPTY OBJECT ON ERROR),
  JSON_QUERY(j, 'lax $.a' EMPTY ARRAY ON EMPTY NULL ON ERROR), CARDINALITY(JSON_QUERY(j, '$.a' RETURNING ARRAY<STRING>)),
  JSON_EXISTS(j, '$.z'), JSON_EXISTS(j, '$.z' UNKNOWN ON ERROR), j IS JSON OBJECT, j IS NOT JSON
FROM t;
-- expect INT | STRING | STRING | STRING | STRING | INT | BOOLEAN | BOOLEAN | BOOLEAN | BOOLEAN
[1, "{\"a\":[{\"c\":1},{},{\"c\":null}],\"z\":1.50}", "[1,null]", "[{\"c\":1},{},{\"c\":null}]", "[{\"c\":1},{},{\"c\":null}]", 3, true, true, true, false]
[2, "{\"a\":\"s\"}", "[]", "[\"s\"]", "[]", null, false, null, true, false]
[3, null, null, "{}", "[]", null, false, null, false, true]
[4, null, null, null, null, null, null, null, false, true]
