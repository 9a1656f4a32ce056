-- JSON_OBJECT and JSON_ARRAY: keys in order, NULLs as null or left out, nested calls and JSON(...) as JSON and not as texts, times in ISO 8601.
-- input t.json
{"id": 2, "name": "a \"b\"", "price": "1.50", "tags": ["x", null], "meta": "{\"k\": [1, 2]}", "at": "2026-03-01 09:00:00.500"}
{"id": 1, "name": null, "price": null, "tags": null, "meta": " ", "at": "2026-03-01 09:00:00"}
-- script
CREATE TABLE t (id INT, name STRING, price DECIMAL(5, 2), tags ARRAY<STRING>, meta STRING, `at` TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT JSON_OBJECT(KEY 'name' VALUE name, 'id' VALUE id, 'tags' : tags ABSENT ON NULL),
  JSON_OBJECT('price' VALUE price, 'at' VALUE `at`),
  JSON_ARRAY(id, name, JSON_OBJECT('m' VALUE JSON(meta)), JSON_ARRAY(price NULL ON NULL)),
  JSON_ARRAY(JSON_STRING(name), name IS NULL NULL ON NULL)
FROM t;
-- expect STRING | STRING | STRING | STRING
["{\"id\":2,\"name\":\"a \\\"b\\\"\",\"tags\":[\"x\",null]}", "{\"at\":\"2026-03-01T09:00:00.5\",\"price\":1.50}", "[2,\"a \\\"b\\\"\",{\"m\":{\"k\":[1,2]}},[1.50]]", "[\"\\\"a \\\\\\\"b\\\\\\\"\\\"\",false]"]
["{\"id\":1}", "{\"at\":\"2026-03-01T09:00:00\",\"price\":null}", "[1,{\"m\":null},[null]]", "[null,true]"]
