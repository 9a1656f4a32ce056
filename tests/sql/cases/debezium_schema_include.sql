-- With 'debezium-json.schema-include' the change is in `payload`. Messages that hold none are bad rows, and so is an
-- update that does not say what was.
-- input t.json
{"schema":{"type":"struct","fields":[]},"payload":{"before":null,"after":{"id":1,"k":"a"},"op":"c"}}
{"payload":{"op":"u","before":{"id":1,"k":"a"},"after":{"id":1,"k":"b"}},"schema":{}}
{"schema":null,"payload":null}
{"before":null,"after":{"id":2,"k":"x"},"op":"c"}
{"schema":{},"payload":{"before":null,"after":{"id":1,"k":"y"},"op":"u"}}
{"schema":{},"payload":{"before":null,"after":{"id":3,"k":"c"},"op":"c"}}
-- script
CREATE TABLE t (id INT, k STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'debezium-json', 'debezium-json.schema-include' = 'true');
SELECT k, id FROM t;
-- expect STRING | INT
["b", 1]
["c", 3]
