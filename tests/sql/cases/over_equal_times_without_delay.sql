-- A watermark without a delay has passed a time as soon as one row of it has come: the next row of the same time is
-- late, in whatever batches the rows come, as in Flink.

-- input rows.json
{"id": 1, "ts": "2024-01-01 00:00:01"}
{"id": 2, "ts": "2024-01-01 00:00:01"}
{"id": 3, "ts": "2024-01-01 00:00:02"}
{"id": 4, "ts": "2024-01-01 00:00:03"}
{"id": 5, "ts": "2024-01-01 00:00:03"}

-- script
CREATE TABLE rows_ (id INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/rows.json', 'format' = 'json');
SELECT id, COUNT(*) OVER (ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM rows_;

-- expect INT | BIGINT
[1, 1]
[3, 2]
[4, 3]
