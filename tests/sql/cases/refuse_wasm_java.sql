-- Functions in other languages.
-- input t.json
{"k": "a", "v": 1}
-- script
CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION f AS 'com.example.F' LANGUAGE JAVA;
SELECT f(v) FROM t;
-- refuse
line 2, column 1
JAVA
LANGUAGE WASM
