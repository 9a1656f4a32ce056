-- The next match begins at the first B of the last one, not before.

-- input ticker.json
{"symbol": "A", "ts": "2011-04-01 10:00:00", "price": 1, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:01", "price": 2, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:02", "price": 7, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:03", "price": 8, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:04", "price": 9, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:05", "price": 1, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:06", "price": 7, "tax": 1}

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price INT, tax INT,
  WATERMARK FOR ts AS ts - INTERVAL '0' SECOND)
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
SELECT symbol, a, b FROM Ticker MATCH_RECOGNIZE (
  PARTITION BY symbol
  ORDER BY ts
  MEASURES FIRST(A.price) AS a, LAST(B.price) AS b
  AFTER MATCH SKIP TO FIRST B
  PATTERN (A+ B{2})
  DEFINE A AS price < 5, B AS price >= 5
);

-- expect VARCHAR | INT | INT
["A", 1, 8]
