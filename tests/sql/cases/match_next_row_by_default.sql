-- Without AFTER MATCH the next match may begin at the second row of the last one. Keys do not see each other.

-- input ticker.json
{"symbol": "XYZ", "ts": "2018-09-17 10:00:02", "price": 10, "tax": 1}
{"symbol": "XYZ", "ts": "2018-09-17 10:00:03", "price": 12, "tax": 2}
{"symbol": "ABC", "ts": "2018-09-17 10:00:03", "price": 7, "tax": 1}
{"symbol": "XYZ", "ts": "2018-09-17 10:00:04", "price": 13, "tax": 1}
{"symbol": "ABC", "ts": "2018-09-17 10:00:04", "price": 5, "tax": 1}
{"symbol": "XYZ", "ts": "2018-09-17 10:00:05", "price": 11, "tax": 2}

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price INT, tax INT,
  WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
SELECT * FROM Ticker MATCH_RECOGNIZE (
  PARTITION BY symbol
  ORDER BY ts
  MEASURES FIRST(A.price) AS start_price, LAST(A.price) AS top_price, B.price AS last_price
  PATTERN (A+ B)
  DEFINE
    A AS LAST(A.price, 1) IS NULL OR A.price > LAST(A.price, 1),
    B AS B.price < LAST(A.price)
) AS T;

-- expect VARCHAR | INT | INT | INT
["XYZ", 10, 13, 11]
["XYZ", 12, 13, 11]
["XYZ", 13, 13, 11]
["ABC", 7, 7, 5]
