-- Quotes keep delimiters and line ends; the null literal is NULL, an empty text is a text.
-- input t.csv
1;"a;""b""";1.5
2;NA;NA
3;"two
lines";-2
4;;0
-- script
CREATE TABLE t (id INT, s STRING, d DOUBLE) WITH ('connector' = 'filesystem', 'path' = '$dir/t.csv', 'format' = 'csv', 'csv.field-delimiter' = ';', 'csv.null-literal' = 'NA');
SELECT id, s, d FROM t;
-- expect INT | STRING | DOUBLE
[1, "a;\"b\"", 1.5]
[2, null, null]
[3, "two\nlines", -2.0]
[4, "", 0.0]
