-- What can be measured: aggregates of one variable and of all rows, the n-th row from either end, columns without
-- a variable, and NULL for a row that is not there.

-- input ticker.json
{"symbol": "A", "ts": "2011-04-01 10:00:00", "price": 1, "tax": 10}
{"symbol": "A", "ts": "2011-04-01 10:00:01", "price": 2, "tax": null}
{"symbol": "A", "ts": "2011-04-01 10:00:02", "price": 3, "tax": 30}
{"symbol": "A", "ts": "2011-04-01 10:00:03", "price": 100, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:04", "price": 5, "tax": 5}
{"symbol": "A", "ts": "2011-04-01 10:00:05", "price": 200, "tax": 1}

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price INT, tax INT,
  WATERMARK FOR ts AS ts - INTERVAL '0' SECOND)
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
SELECT * FROM Ticker MATCH_RECOGNIZE (
  PARTITION BY symbol
  ORDER BY ts
  MEASURES
    COUNT(A.tax) AS taxed, COUNT(*) AS all_rows, SUM(A.price * 2) AS twice, SUM(price) AS total,
    MIN(A.tax) AS least, MAX(A.tax) AS most, FIRST(A.price, 1) AS second_price, LAST(A.price, 2) AS third_last,
    price AS last_price, FIRST(price) AS first_price, O.price AS never, COUNT(O.price) AS none,
    B.price - A.price AS jump
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A+ O? B)
  DEFINE
    A AS price < 50,
    O AS price > 1000,
    B AS SUM(price) > 100 AND B.price > LAST(A.price)
);

-- expect VARCHAR | BIGINT | BIGINT | INT | INT | INT | INT | INT | INT | INT | INT | INT | BIGINT | INT
["A", 2, 4, 12, 106, 10, 30, 2, 1, 100, 1, null, 0, 97]
["A", 1, 2, 10, 205, 5, 5, null, null, 200, 5, null, 0, 195]
