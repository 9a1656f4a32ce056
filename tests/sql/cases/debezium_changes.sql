-- Changes of a database table as Debezium logs them: r and c add, u replaces, d takes away; a null line says nothing.
-- What is left: 1 -> (anna, 30), 3 -> (cora, null), 4 -> (dora, 12).
-- input users.json
{"before": null, "after": {"id": 1, "name": "anna", "score": 10}, "source": {"table": "users", "pos": [1, {"x": "}"}]}, "op": "r", "ts_ms": 1}
{"before":null,"after":{"id":2,"name":"bert","score":20},"op":"c"}
{"op":"c","after":{"id":3,"name":"cora"},"before":null}
{"before":{"id":1,"name":"anna","score":10},"after":{"id":1,"name":"anna","score":30},"op":"u"}
{"before":{"id":2,"name":"bert","score":20},"after":null,"op":"d"}
null
{"before":null,"after":{"id":4,"name":"dora","score":12},"op":"c"}
-- script
CREATE TABLE users (id INT, name STRING, score INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '$dir/users.json', 'format' = 'debezium-json');
SELECT 'row', name, score FROM users UNION ALL SELECT 'count', CAST(COUNT(*) AS STRING), SUM(score) FROM users;
-- expect STRING | STRING | INT
["row", "anna", 30]
["row", "cora", null]
["row", "dora", 12]
["count", "3", 42]
