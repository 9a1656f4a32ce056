-- A row with NULL for a NOT NULL column of the sink is a bad row and does not reach it (Flink stops the job).
-- input t.json
{"k": 1, "s": "abcdef"}
{"k": 2, "s": "x"}
{"k": 3, "s": null}
{"s": "z"}
-- script
CREATE TABLE t (k INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE TABLE o (k INT NOT NULL, s STRING NOT NULL, n BIGINT) WITH ('connector' = 'print', 'format' = 'changelog-json');
SET 'table.exec.sink.not-null-enforcer' = 'ERROR';
INSERT INTO o (s, k) SELECT s, k FROM t;
-- expect INT | STRING | BIGINT
[1, "abcdef", null]
[2, "x", null]
