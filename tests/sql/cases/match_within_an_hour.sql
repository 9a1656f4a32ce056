-- A price falls by ten within an hour. The fall from 20 at ten to 9 at twenty to twelve takes too long, and so does
-- one from 11:00 to 12:00 sharp.

-- input ticker.json
{"symbol": "ACME", "ts": "2011-04-01 10:00:00", "price": 20, "tax": 1}
{"symbol": "ACME", "ts": "2011-04-01 10:20:00", "price": 17, "tax": 2}
{"symbol": "ACME", "ts": "2011-04-01 10:40:00", "price": 18, "tax": 1}
{"symbol": "ACME", "ts": "2011-04-01 11:00:00", "price": 11, "tax": 3}
{"symbol": "ACME", "ts": "2011-04-01 11:20:00", "price": 14, "tax": 2}
{"symbol": "ACME", "ts": "2011-04-01 11:40:00", "price": 9, "tax": 1}
{"symbol": "ACME", "ts": "2011-04-01 12:01:00", "price": 15, "tax": 1}
{"symbol": "ACME", "ts": "2011-04-01 12:20:00", "price": 14, "tax": 2}
{"symbol": "ACME", "ts": "2011-04-01 12:40:00", "price": 24, "tax": 2}
{"symbol": "ACME", "ts": "2011-04-01 13:00:00", "price": 1, "tax": 2}
{"symbol": "ACME", "ts": "2011-04-01 13:20:00", "price": 19, "tax": 1}

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price INT, tax INT,
  WATERMARK FOR ts AS ts - INTERVAL '0' SECOND)
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
SELECT * FROM Ticker MATCH_RECOGNIZE (
  PARTITION BY symbol
  ORDER BY ts
  MEASURES C.ts AS drop_time, A.price - C.price AS drop_by
  ONE ROW PER MATCH
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A B* C) WITHIN INTERVAL '1' HOUR
  DEFINE
    B AS B.price > A.price - 10,
    C AS C.price < A.price - 10
);

-- expect VARCHAR | TIMESTAMP(3) | INT
["ACME", "2011-04-01T13:00:00", 14]
