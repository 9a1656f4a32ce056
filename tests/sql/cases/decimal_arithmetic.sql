-- The scale of a product is the sum of the scales, of a sum the greater.
-- input t.json
{"a": 1.50, "b": 2.5}
-- script
CREATE TABLE t (a DECIMAL(5, 2), b DECIMAL(5, 1)) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT a * b, a + b, a - b, b * 2 FROM t;
-- expect DECIMAL | DECIMAL | DECIMAL | DECIMAL
["3.750", "4.00", "-1.00", "5.0"]
