-- Between two and three rows, then another kind. One row is too few; of three the matches that begin later have two.

-- input ticker.json
{"symbol": "A", "ts": "2011-04-01 10:00:00", "price": 1, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:01", "price": 2, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:02", "price": 3, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:03", "price": 9, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:04", "price": 4, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:05", "price": 9, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:06", "price": 5, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:07", "price": 6, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:08", "price": 9, "tax": 1}

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price INT, tax INT,
  WATERMARK FOR ts AS ts - INTERVAL '0' SECOND)
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
SELECT symbol, n, a, b FROM Ticker MATCH_RECOGNIZE (
  PARTITION BY symbol
  ORDER BY ts
  MEASURES COUNT(A.price) AS n, FIRST(A.price) AS a, B.ts AS b
  AFTER MATCH SKIP TO NEXT ROW
  PATTERN (A{2,3} B)
  DEFINE A AS price < 9, B AS price = 9
);

-- expect VARCHAR | BIGINT | INT | TIMESTAMP(3)
["A", 3, 1, "2011-04-01T10:00:03"]
["A", 2, 2, "2011-04-01T10:00:03"]
["A", 2, 5, "2011-04-01T10:00:08"]
