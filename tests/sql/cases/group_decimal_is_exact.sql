-- Decimals add up exactly; 0.1 + 0.2 is 0.3.
-- input t.json
{"d": 0.10}
{"d": "0.20"}
{"d": 12345678901234567890.12}
-- script
CREATE TABLE t (d DECIMAL(30, 2)) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT SUM(d), MAX(d) FROM t;
-- expect DECIMAL | DECIMAL
["12345678901234567890.42", "12345678901234567890.12"]
