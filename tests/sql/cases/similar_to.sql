-- SIMILAR TO is of the whole text: _ is any character, % any text, beside what regular expressions have; a point is a
-- point.
-- script
SELECT s, s SIMILAR TO '_b_', s SIMILAR TO '(a|b)%', s SIMILAR TO 'b', s NOT SIMILAR TO '[a-c]+', s SIMILAR TO 'a.c', s SIMILAR TO '%!_%' ESCAPE '!' FROM (VALUES ('abc'), ('b'), ('a_c'), ('xb'), (CAST(NULL AS STRING))) AS t (s);
-- expect STRING | BOOLEAN | BOOLEAN | BOOLEAN | BOOLEAN | BOOLEAN | BOOLEAN
["abc", true, true, false, false, false, false]
["b", false, true, true, false, false, false]
["a_c", false, true, false, true, false, true]
["xb", false, false, false, true, false, false]
[null, null, null, null, null, null, null]
