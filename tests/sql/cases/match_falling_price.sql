-- Flink's first example: a price falls without a break, then rises. UP is compared with the price before the
-- lowest, so that a fall of one row alone has no end.

-- input ticker.json
{"symbol": "ACME", "ts": "2011-04-01 10:00:00", "price": 12, "tax": 1}
{"symbol": "ACME", "ts": "2011-04-01 10:00:01", "price": 17, "tax": 2}
{"symbol": "ACME", "ts": "2011-04-01 10:00:02", "price": 19, "tax": 1}
{"symbol": "ACME", "ts": "2011-04-01 10:00:03", "price": 21, "tax": 3}
{"symbol": "ACME", "ts": "2011-04-01 10:00:04", "price": 25, "tax": 2}
{"symbol": "ACME", "ts": "2011-04-01 10:00:05", "price": 18, "tax": 1}
{"symbol": "ACME", "ts": "2011-04-01 10:00:06", "price": 15, "tax": 1}
{"symbol": "ACME", "ts": "2011-04-01 10:00:07", "price": 14, "tax": 2}
{"symbol": "ACME", "ts": "2011-04-01 10:00:08", "price": 24, "tax": 2}
{"symbol": "ACME", "ts": "2011-04-01 10:00:09", "price": 25, "tax": 2}
{"symbol": "ACME", "ts": "2011-04-01 10:00:10", "price": 19, "tax": 1}

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price INT, tax INT,
  WATERMARK FOR ts AS ts - INTERVAL '0' SECOND)
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
SELECT symbol, start_time, bottom_time, end_time FROM Ticker MATCH_RECOGNIZE (
  PARTITION BY symbol
  ORDER BY ts
  MEASURES
    START_ROW.ts AS start_time,
    LAST(PRICE_DOWN.ts) AS bottom_time,
    LAST(PRICE_UP.ts) AS end_time
  ONE ROW PER MATCH
  AFTER MATCH SKIP TO PRICE_UP
  PATTERN (START_ROW PRICE_DOWN+ PRICE_UP)
  DEFINE
    PRICE_DOWN AS
      (LAST(PRICE_DOWN.price, 1) IS NULL AND PRICE_DOWN.price < START_ROW.price) OR
      PRICE_DOWN.price < LAST(PRICE_DOWN.price, 1),
    PRICE_UP AS PRICE_UP.price > LAST(PRICE_DOWN.price, 1)
) AS MR;

-- expect VARCHAR | TIMESTAMP(3) | TIMESTAMP(3) | TIMESTAMP(3)
["ACME", "2011-04-01T10:00:04", "2011-04-01T10:00:07", "2011-04-01T10:00:08"]
