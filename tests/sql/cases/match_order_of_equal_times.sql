-- Rows of the same time count in the order of the other columns of ORDER BY, here the greatest price first and NULL
-- last; of those that are alike there, the first that came.

-- input ticker.json
{"symbol": "A", "ts": "2024-01-01 00:00:01", "price": 1, "id": 1}
{"symbol": "A", "ts": "2024-01-01 00:00:02", "price": null, "id": 2}
{"symbol": "A", "ts": "2024-01-01 00:00:02", "price": 3, "id": 3}
{"symbol": "A", "ts": "2024-01-01 00:00:01", "price": 2, "id": 4}
{"symbol": "A", "ts": "2024-01-01 00:00:02", "price": 5, "id": 5}
{"symbol": "A", "ts": "2024-01-01 00:00:02", "price": 3, "id": 6}

-- script
CREATE TABLE Ticker (symbol STRING, ts TIMESTAMP(3), price INT, id INT,
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
WITH ('connector' = 'filesystem', 'path' = '$dir/ticker.json', 'format' = 'json');
SELECT a, b FROM Ticker MATCH_RECOGNIZE (
  PARTITION BY symbol
  ORDER BY ts, price DESC
  MEASURES A.id AS a, B.id AS b
  PATTERN (A B)
  DEFINE A AS TRUE
);

-- expect INT | INT
[4, 1]
[1, 5]
[5, 3]
[3, 6]
[6, 2]
