-- Flink's example of an aggregate in DEFINE: it counts the row at hand. The input is out of order, and the table
-- waits for it.

-- input ticker.json
{"symbol": "ACME", "ts": "2011-04-01 10:00:01", "price": 17, "tax": 2}
{"symbol": "ACME", "ts": "2011-04-01 10:00:00", "price": 12, "tax": 1}
{"symbol": "ACME", "ts": "2011-04-01 10:00:02", "price": 13, "tax": 1}
{"symbol": "ACME", "ts": "2011-04-01 10:00:04", "price": 25, "tax": 2}
{"symbol": "ACME", "ts": "2011-04-01 10:00:03", "price": 16, "tax": 3}
{"symbol": "ACME", "ts": "2011-04-01 10:00:05", "price": 2, "tax": 1}
{"symbol": "ACME", "ts": "2011-04-01 10:00:07", "price": 10, "tax": 2}
{"symbol": "ACME", "ts": "2011-04-01 10:00:06", "price": 4, "tax": 1}
{"symbol": "ACME", "ts": "2011-04-01 10:00:08", "price": 15, "tax": 2}
{"symbol": "ACME", "ts": "2011-04-01 10:00:09", "price": 25, "tax": 2}
{"symbol": "ACME", "ts": "2011-04-01 10:00:11", "price": 30, "tax": 1}
{"symbol": "ACME", "ts": "2011-04-01 10:00:10", "price": 25, "tax": 1}

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price DOUBLE, tax INT,
  WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
SELECT * FROM Ticker MATCH_RECOGNIZE (
  PARTITION BY symbol
  ORDER BY ts
  MEASURES FIRST(A.ts) AS start_time, LAST(A.ts) AS end_time, AVG(A.price) AS average
  ONE ROW PER MATCH
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A+ B)
  DEFINE A AS AVG(A.price) < 15
) MR;

-- expect VARCHAR | TIMESTAMP(3) | TIMESTAMP(3) | DOUBLE
["ACME", "2011-04-01T10:00:00", "2011-04-01T10:00:03", 14.5]
["ACME", "2011-04-01T10:00:05", "2011-04-01T10:00:10", 13.5]
