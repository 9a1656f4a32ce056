-- JSON_VALUE as Flink gives it: strict paths are errors where lax ones are empty, a type after RETURNING, and what ON EMPTY and ON ERROR put in place. JSON null and broken texts count as nothing (lax) or as errors (strict).
-- input t.json
{"j": "{\"a\": {\"b\": [1, \"x\"]}, \"n\": 41.9}", "d": 7}
{"j": "{\"a\": null, \"n\": \"12\"}", "d": 8}
{"j": "{\"a\": ", "d": 9}
{"j": null, "d": 10}
-- script
CREATE TABLE t (j STRING, d INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT d, JSON_VALUE(j, '$.a.b[1]'),
  JSON_VALUE(j, 'lax $.a' DEFAULT 'empty' ON EMPTY DEFAULT 'error' ON ERROR),
  JSON_VALUE(j, 'strict $.a' DEFAULT 'empty' ON EMPTY DEFAULT 'error' ON ERROR),
  JSON_VALUE(j, '$.n' RETURNING INT DEFAULT d + 1 ON ERROR),
  JSON_VALUE(j, 'lax $.n' RETURNING DECIMAL(4, 2) DEFAULT 0 ON EMPTY)
FROM t;
-- expect INT | STRING | STRING | STRING | INT | DECIMAL
[7, "x", "empty", "error", 41, "41.90"]
[8, null, "empty", "error", 12, "12.00"]
[9, null, "empty", "error", 10, "0.00"]
[10, null, null, null, null, null]
