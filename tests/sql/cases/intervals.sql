Intervals of one unit and of several, added to times.

-- input t.json
{"ts": "2024-01-31 10:00:00"}

-- script
CREATE TABLE t (ts TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT ts + INTERVAL '1-2' YEAR TO MONTH, ts - INTERVAL '1 02:03:04.5' DAY TO SECOND, ts + INTERVAL '10:30' HOUR TO MINUTE,
  ts + INTERVAL '1' MONTH, ts - INTERVAL '1' DAY, CAST(INTERVAL '1-2' YEAR TO MONTH AS STRING),
  CAST(INTERVAL '1 02:03:04.5' DAY TO SECOND AS STRING) FROM t;

-- expect TIMESTAMP | TIMESTAMP | TIMESTAMP | TIMESTAMP | TIMESTAMP | STRING | STRING
["2025-03-31 10:00:00", "2024-01-30 07:56:55.5", "2024-01-31 20:30:00", "2024-02-29 10:00:00", "2024-01-30 10:00:00", "+1-02", "+1 02:03:04.500"]
