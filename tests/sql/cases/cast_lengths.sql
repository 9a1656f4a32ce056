-- CAST to CHAR, VARCHAR, BINARY and VARBINARY cuts to the length; CHAR is padded with spaces, BINARY with zeros. Without a length VARCHAR and VARBINARY take any, CHAR and BINARY one.
-- input t.json
{"k": 1, "s": "abcdef"}
{"k": 2, "s": "x"}
{"k": 3, "s": null}
{"s": "z"}
-- script
CREATE TABLE t (k INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT CAST(s AS CHAR(4)), CAST(s AS VARCHAR(4)), CAST(s AS BINARY(4)), CAST(CAST(s AS BYTES) AS VARBINARY(4)), CAST(s AS CHAR), CAST(s AS BINARY), CAST(s AS VARBINARY), CAST(k AS CHAR(2)) FROM t;
-- expect STRING | STRING | BYTES | BYTES | STRING | BYTES | BYTES | STRING
["abcd", "abcd", "YWJjZA==", "YWJjZA==", "a", "YQ==", "YWJjZGVm", "1 "]
["x   ", "x", "eAAAAA==", "eA==", "x", "eA==", "eA==", "2 "]
[null, null, null, null, null, null, null, "3 "]
["z   ", "z", "egAAAA==", "eg==", "z", "eg==", "eg==", null]
