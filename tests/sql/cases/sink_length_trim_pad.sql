-- TRIM_PAD cuts the values of a sink to the length of their columns, and pads CHAR with spaces and BINARY with zeros; a VARCHAR without a length takes any.
-- input t.json
{"k": 1, "s": "abcdef"}
{"k": 2, "s": "x"}
{"k": 3, "s": null}
{"s": "z"}
-- script
CREATE TABLE t (k INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE TABLE o (k INT, c CHAR(4), v VARCHAR(3), n VARCHAR, b BINARY(3), w VARBINARY(2)) WITH ('connector' = 'print', 'format' = 'changelog-json');
SET 'table.exec.sink.type-length-enforcer' = 'TRIM_PAD';
INSERT INTO o SELECT k, s, s, s, CAST(s AS BYTES), CAST(s AS BYTES) FROM t WHERE s IS NOT NULL;
-- expect INT | STRING | STRING | STRING | BYTES | BYTES
[1, "abcd", "abc", "abcdef", "YWJj", "YWI="]
[2, "x   ", "x", "x", "eAAA", "eA=="]
[null, "z   ", "z", "z", "egAA", "eg=="]
