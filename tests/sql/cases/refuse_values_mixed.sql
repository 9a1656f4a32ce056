-- The values of one column of VALUES need a type in common.
-- script
SELECT * FROM (VALUES (1, 'a'), (2, 3)) AS t (a, b);
-- refuse
column 2 of VALUES: STRING and INT have no type in common
line 1, column 37
