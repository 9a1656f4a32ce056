-- Numbers are cut towards zero, booleans become TRUE and FALSE, doubles keep their point; TRY_CAST gives NULL where CAST fails.
-- input t.json
{"d": 1.9, "b": true, "s": " 12 "}
{"d": -1.9, "b": false, "s": "x"}
-- script
CREATE TABLE t (d DOUBLE, b BOOLEAN, s STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT CAST(d AS INT), CAST(d AS STRING), CAST(b AS STRING), TRY_CAST(s AS INT), CAST(CAST(d AS DECIMAL(5, 2)) AS STRING), CAST(DATE '2026-01-31' AS STRING) FROM t;
-- expect INT | STRING | STRING | INT | STRING | STRING
[1, "1.9", "TRUE", 12, "1.90", "2026-01-31"]
[-1, "-1.9", "FALSE", null, "-1.90", "2026-01-31"]
