-- BETWEEN SYMMETRIC is between two values whichever is less; NULL is unknown unless the answer does not depend on it.
-- script
SELECT a, a BETWEEN SYMMETRIC 3 AND 1, a NOT BETWEEN SYMMETRIC 3 AND 1, a BETWEEN ASYMMETRIC 3 AND 1, a + 1 BETWEEN SYMMETRIC 1 + 2 AND a AND a > 0, a BETWEEN SYMMETRIC NULLIF(1, 1) AND 3
FROM (VALUES (0), (1), (2), (5)) AS t (a);
-- expect INT | BOOLEAN | BOOLEAN | BOOLEAN | BOOLEAN | BOOLEAN
[0, false, true, false, false, null]
[1, true, false, false, true, null]
[2, true, false, false, true, null]
[5, false, true, false, false, null]
