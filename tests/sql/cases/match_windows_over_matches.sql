-- MATCH_ROWTIME() is a time attribute: windows over matches close by it.

-- input ticker.json
{"symbol": "A", "ts": "2011-04-01 10:00:00", "price": 1, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:01", "price": 9, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:02", "price": 1, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:03", "price": 9, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:04", "price": 1, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:05", "price": 1, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:06", "price": 9, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:07", "price": 2, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:08", "price": 2, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:09", "price": 2, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:10", "price": 1, "tax": 1}
{"symbol": "A", "ts": "2011-04-01 10:00:11", "price": 9, "tax": 1}

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price INT, tax INT,
  WATERMARK FOR ts AS ts - INTERVAL '0' SECOND)
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
CREATE VIEW pairs AS SELECT symbol, at, fall FROM Ticker MATCH_RECOGNIZE (
  PARTITION BY symbol
  ORDER BY ts
  MEASURES MATCH_ROWTIME() AS at, B.price - A.price AS fall
  PATTERN (A B)
  DEFINE A AS price = 1, B AS price = 9
);
SELECT window_start, COUNT(*), SUM(fall) FROM TABLE(TUMBLE(TABLE pairs, DESCRIPTOR(at), INTERVAL '5' SECOND))
GROUP BY window_start, window_end;

-- expect TIMESTAMP(3) | BIGINT | INT
["2011-04-01T10:00:00", 2, 16]
["2011-04-01T10:00:05", 1, 8]
["2011-04-01T10:00:10", 1, 8]
