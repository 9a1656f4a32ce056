-- Rows of VALUES come in their order: LIMIT keeps the first. What a value computes is computed once.
-- script
SELECT a, b FROM (VALUES (DATE '2026-03-01', CAST('abcd' AS VARCHAR(2))), (NULL, 'xyz'), (DATE '2026-03-03', LOWER('Q'))) AS t (a, b) LIMIT 2;
-- expect DATE | STRING
["2026-03-01", "ab"]
[null, "xyz"]
