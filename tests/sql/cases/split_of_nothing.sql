-- An empty text has no parts; a text without the separator is one part; a separator at an end cuts off an empty part.
-- script
SELECT SPLIT(s, ','), CARDINALITY(SPLIT(s, ',')), CARDINALITY(SPLIT(s, '')) FROM (VALUES (''), ('a'), (',a,'), (CAST(NULL AS STRING))) AS t (s);
-- expect ARRAY | INT | INT
[[], 0, 0]
[["a"], 1, 1]
[["", "a", ""], 3, 3]
[null, null, null]
