-- As in Flink.

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price INT, WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
SELECT * FROM Ticker MATCH_RECOGNIZE (
  ORDER BY ts MEASURES A.price AS p PATTERN (A B) SUBSET C = (A, B) DEFINE A AS price > 1
);

-- refuse
SUBSET
