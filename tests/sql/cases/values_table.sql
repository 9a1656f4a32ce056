-- VALUES as a table. A column's type is what its rows have in common: INT and DECIMAL(2, 1) give DECIMAL(11, 1), INT and
-- BIGINT give BIGINT. Columns without a name are EXPR$0, EXPR$1, ...
-- script
SELECT a + 1, b, c, d, e FROM (VALUES (1, 1.5, 'Hi', 3000000000, TRUE), (3, 20, 'Hello', 7, NULL), (-5, NULL, 'x', -1, FALSE)) AS t (a, b, c, d, e)
UNION ALL
SELECT EXPR$1 * 2, CAST(NULL AS DECIMAL(11, 1)), EXPR$0, CAST(2 AS BIGINT), TRUE FROM (VALUES ('y', 7 - 2), ('z', CHAR_LENGTH('abc')));
-- expect INT | DECIMAL | STRING | BIGINT | BOOLEAN
[2, "1.5", "Hi", 3000000000, true]
[4, "20.0", "Hello", 7, null]
[-4, null, "x", -1, false]
[10, null, "y", 2, true]
[6, null, "z", 2, true]
