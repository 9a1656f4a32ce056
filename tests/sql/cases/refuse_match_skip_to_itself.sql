-- Skipping to the first row of a match would find it for ever.

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price INT, tax INT,
  WATERMARK FOR ts AS ts - INTERVAL '0' SECOND)
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
SELECT * FROM Ticker MATCH_RECOGNIZE (
  PARTITION BY symbol
  ORDER BY ts
  MEASURES A.price AS p AFTER MATCH SKIP TO FIRST A PATTERN (A B) DEFINE A AS price > 1, B AS price > 2
);

-- refuse
again and again
NEXT ROW
