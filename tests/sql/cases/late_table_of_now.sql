-- A query that asks for the current time below its windows; columns of the late table go along with what it computes.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "a", "v": 2, "ts": "2026-01-01 00:00:20"}
{"id": 3, "k": "b", "v": 4, "ts": "2026-01-01 00:00:07"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '0' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json', 'late.table' = 'late');
CREATE TABLE late (id INT, k STRING, v INT) WITH ('connector' = 'blackhole');
SELECT window_start, past, COUNT(*) FROM TABLE(TUMBLE((SELECT ts, CASE WHEN now_is > TO_TIMESTAMP_LTZ(0, 3) THEN 'past' ELSE 'future' END AS past FROM (SELECT ts, CURRENT_TIMESTAMP AS now_is FROM (SELECT ts, UPPER(k) AS u FROM t) WHERE u <> 'C')), DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, past;
-- expect TIMESTAMP | STRING | BIGINT
["2026-01-01 00:00:00", "past", 1]
["2026-01-01 00:00:20", "past", 1]
