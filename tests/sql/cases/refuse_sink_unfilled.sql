-- A NOT NULL column that INSERT INTO does not name would always be NULL.
-- input t.json
{"k": 1, "s": "abcdef"}
{"k": 2, "s": "x"}
{"k": 3, "s": null}
{"s": "z"}
-- script
CREATE TABLE t (k INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE TABLE o (k INT NOT NULL, s STRING NOT NULL, n BIGINT) WITH ('connector' = 'print', 'format' = 'changelog-json');
INSERT INTO o (s, n) SELECT s, 1 FROM t;
-- refuse
line 3, column 1
column `k` of `o` is NOT NULL, and nothing fills it
column list
