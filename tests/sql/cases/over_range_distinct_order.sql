-- Rows that have left a frame are gone before others enter: what comes again stands where it came last, however many
-- rows come at once.
-- input t.json
{"id": 1, "s": "x", "ts": "2024-01-01 00:00:00.000"}
{"id": 2, "s": "y", "ts": "2024-01-01 00:00:00.200"}
{"id": 3, "s": "x", "ts": "2024-01-01 00:00:00.500"}
{"id": 4, "s": "y", "ts": "2024-01-01 00:00:00.600"}
-- script
CREATE TABLE t (id INT, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, LISTAGG(DISTINCT s) OVER (ORDER BY ts
  RANGE BETWEEN INTERVAL '0.300' SECOND(1, 3) PRECEDING AND CURRENT ROW) FROM t;
-- expect INT | STRING
[1, "x"]
[2, "x,y"]
[3, "y,x"]
[4, "x,y"]
