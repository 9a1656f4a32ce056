-- Rows that may be taken back are part of no match.

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price INT, tax INT,
  WATERMARK FOR ts AS ts - INTERVAL '0' SECOND)
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
CREATE VIEW counts AS SELECT symbol, COUNT(*) AS n, MAX(ts) AS at FROM Ticker GROUP BY symbol;
SELECT * FROM counts MATCH_RECOGNIZE (
  PARTITION BY symbol
  ORDER BY at
  MEASURES A.n AS p PATTERN (A B) DEFINE A AS n > 1
);

-- refuse
rows change
