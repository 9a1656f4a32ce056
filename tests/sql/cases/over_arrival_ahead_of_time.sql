-- A frame by processing time sees every row of the last hour, though the row times lie in the far future, and the
-- watermark with them.

-- input rows.json
{"id": 1, "v": 3, "ts": "2200-01-01 00:00:00"}
{"id": 2, "v": 5, "ts": "2200-01-02 00:00:00"}
{"id": 3, "v": 1, "ts": "2200-01-03 00:00:00"}

-- script
CREATE TABLE rows_ (id INT, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/rows.json', 'format' = 'json');
SELECT MAX(n), MAX(s) FROM (
  SELECT COUNT(*) OVER w AS n, SUM(v) OVER w AS s FROM rows_
  WINDOW w AS (ORDER BY PROCTIME() RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW)
);

-- expect BIGINT | INT
[3, 9]
