-- A row behind the watermark is part of no match; rows of the same time count in the order in which they came.

-- input ticker.json
{"symbol": "A", "ts": "2011-04-01 10:00:05", "price": 1, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:05", "price": 2, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:20", "price": 3, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:04", "price": 9, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:19", "price": 4, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:40", "price": 5, "tax": 1}

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price INT, tax INT,
  WATERMARK FOR ts AS ts - INTERVAL '10' SECOND)
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
SELECT symbol, p, q FROM Ticker MATCH_RECOGNIZE (
  PARTITION BY symbol
  ORDER BY ts
  MEASURES P.price AS p, Q.price AS q
  PATTERN (P Q)
  DEFINE Q AS TRUE
);

-- expect VARCHAR | INT | INT
["A", 1, 2]
["A", 2, 4]
["A", 4, 3]
["A", 3, 5]
