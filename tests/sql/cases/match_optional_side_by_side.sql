-- An optional variable does not wait for a row that what follows it can take as well, as in Flink: B takes the
-- second row at once.

-- input ticker.json
{"symbol": "A", "ts": "2011-04-01 10:00:00", "price": 1, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:01", "price": 5, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:02", "price": 6, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:03", "price": 1, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:04", "price": 3, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:05", "price": 6, "tax": 1}

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price INT, tax INT,
  WATERMARK FOR ts AS ts - INTERVAL '0' SECOND)
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
SELECT symbol, o, b FROM Ticker MATCH_RECOGNIZE (
  PARTITION BY symbol
  ORDER BY ts
  MEASURES O.price AS o, B.price AS b
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A O? B)
  DEFINE A AS price = 1, O AS price > 2, B AS price > 4
);

-- expect VARCHAR | INT | INT
["A", null, 5]
["A", 3, 6]
