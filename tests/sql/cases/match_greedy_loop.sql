-- A greedy variable takes every row that it can, though C could take the first of them.

-- input ticker.json
{"symbol": "XYZ", "ts": "2018-09-17 10:00:02", "price": 10, "tax": 1}
{"symbol": "XYZ", "ts": "2018-09-17 10:00:03", "price": 11, "tax": 2}
{"symbol": "XYZ", "ts": "2018-09-17 10:00:04", "price": 12, "tax": 1}
{"symbol": "XYZ", "ts": "2018-09-17 10:00:05", "price": 13, "tax": 2}
{"symbol": "XYZ", "ts": "2018-09-17 10:00:06", "price": 14, "tax": 1}
{"symbol": "XYZ", "ts": "2018-09-17 10:00:07", "price": 16, "tax": 2}

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price INT, tax INT,
  WATERMARK FOR ts AS ts - INTERVAL '0' SECOND)
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
SELECT * FROM Ticker MATCH_RECOGNIZE (
  PARTITION BY symbol
  ORDER BY ts
  MEASURES C.price AS last_price
  ONE ROW PER MATCH
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A B* C)
  DEFINE
    A AS A.price > 10,
    B AS B.price < 15,
    C AS C.price > 12
);

-- expect VARCHAR | INT
["XYZ", 16]
