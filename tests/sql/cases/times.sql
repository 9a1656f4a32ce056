-- Parts, rounding and differences of timestamps.
-- input t.json
{"ts": "2026-02-28 23:59:30.500"}
-- script
CREATE TABLE t (ts TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT EXTRACT(YEAR FROM ts), EXTRACT(HOUR FROM ts), FLOOR(ts TO HOUR), CEIL(ts TO MINUTE), ts + INTERVAL '1' MINUTE, DATE_FORMAT(ts, 'yyyyMMdd HH:mm'), CAST(ts AS DATE), TIMESTAMPDIFF(SECOND, TIMESTAMP '2026-02-28 23:00:00', ts), DAYOFWEEK(CAST(ts AS DATE)) FROM t;
-- expect BIGINT | BIGINT | TIMESTAMP | TIMESTAMP | TIMESTAMP | STRING | DATE | INT | BIGINT
[2026, 23, "2026-02-28 23:00:00", "2026-03-01 00:00:00", "2026-03-01 00:00:30.5", "20260228 23:59", "2026-02-28", 3570, 7]
