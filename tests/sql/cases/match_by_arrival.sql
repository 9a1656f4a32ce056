-- In processing time rows count as they come, whatever their times; MATCH_PROCTIME() is when a match arrives.

-- input ticker.json
{"symbol": "A", "ts": "2011-04-01 10:00:09", "price": 1, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:02", "price": 2, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:01", "price": 1, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:07", "price": 2, "tax": 1}

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price INT, tax INT, arrival AS PROCTIME())
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
SELECT p, q, at > TIMESTAMP '2020-01-01 00:00:00' FROM Ticker MATCH_RECOGNIZE (
  ORDER BY arrival
  MEASURES P.ts AS p, MATCH_PROCTIME() AS at, Q.ts AS q
  PATTERN (P Q)
  DEFINE P AS price = 1, Q AS price = 2
);

-- expect TIMESTAMP(3) | TIMESTAMP(3) | BOOLEAN
["2011-04-01T10:00:09", "2011-04-01T10:00:02", true]
["2011-04-01T10:00:01", "2011-04-01T10:00:07", true]
