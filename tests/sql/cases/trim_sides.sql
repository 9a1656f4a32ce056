-- TRIM of spaces at one side, with and without saying that they are spaces.
-- script
SELECT '[' || TRIM(LEADING FROM s) || ']', '[' || TRIM(TRAILING FROM s) || ']', '[' || TRIM(BOTH FROM s) || ']', '[' || TRIM(LEADING ' ' FROM s) || ']', TRIM(LEADING 'a' FROM 'aba') FROM (VALUES (' b ')) AS t (s);
-- expect STRING | STRING | STRING | STRING | STRING
["[b ]", "[ b]", "[b]", "[b ]", "ba"]
