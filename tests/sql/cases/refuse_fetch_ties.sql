-- FETCH counts rows.
-- script
SELECT a FROM (VALUES (5), (3)) AS t (a) ORDER BY a FETCH FIRST 1 ROWS WITH TIES;
-- refuse
FETCH with PERCENT or WITH TIES is not supported
