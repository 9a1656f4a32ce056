-- Positions count from 1 and characters, not bytes; what is not found is at 0.
-- input t.json
{"s": "Größe"}
-- script
CREATE TABLE t (s STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT UPPER(s), CHAR_LENGTH(s), SUBSTRING(s, 2, 3), SUBSTRING(s FROM 4), POSITION('ß' IN s), POSITION('x' IN s), s || '!', REPLACE(s, 'ö', 'oe'), TRIM(LEADING 'G' FROM s), s LIKE '_r%e', CONCAT('a', CAST(NULL AS STRING)), CONCAT_WS('-', 'a', CAST(NULL AS STRING), 'b') FROM t;
-- expect STRING | INT | STRING | STRING | INT | INT | STRING | STRING | STRING | BOOLEAN | STRING | STRING
["GRÖSSE", 5, "röß", "ße", 4, 0, "Größe!", "Groeße", "röße", true, null, "a-b"]
