-- The length of a sink's CHAR, VARCHAR, BINARY and VARBINARY columns is not enforced unless asked for.
-- input t.json
{"k": 1, "s": "abcdef"}
{"k": 2, "s": "x"}
{"k": 3, "s": null}
{"s": "z"}
-- script
CREATE TABLE t (k INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE TABLE o (k INT, c CHAR(4), v VARCHAR(3), n VARCHAR, b BINARY(3), w VARBINARY(2)) WITH ('connector' = 'print', 'format' = 'changelog-json');
INSERT INTO o SELECT k, s, s, s, CAST(s AS BYTES), CAST(s AS BYTES) FROM t WHERE s IS NOT NULL;
-- expect INT | STRING | STRING | STRING | BYTES | BYTES
[1, "abcdef", "abcdef", "abcdef", "YWJjZGVm", "YWJjZGVm"]
[2, "x", "x", "x", "eA==", "eA=="]
[null, "z", "z", "z", "eg==", "eg=="]
