-- SESSION without GROUP BY gives the rows with the window of their session, once that has ended.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "b", "v": null, "ts": "2026-01-01 00:00:08"}
{"id": 3, "k": "a", "v": 2, "ts": "2026-01-01 00:00:09"}
{"id": 4, "k": "a", "v": 7, "ts": "2026-01-01 00:00:30"}
{"id": 5, "k": "a", "v": 8, "ts": "2026-01-01 00:00:02"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
-- Row 5 is late: at its time the watermark has passed the session of 1 and 3.
SELECT *, v + 1 FROM TABLE(SESSION(DATA => TABLE t PARTITION BY k, TIMECOL => DESCRIPTOR(ts), GAP => INTERVAL '10' SECOND));
-- expect INT | STRING | INT | TIMESTAMP | TIMESTAMP | TIMESTAMP | TIMESTAMP | INT
[1, "a", 1, "2026-01-01 00:00:01", "2026-01-01 00:00:01", "2026-01-01 00:00:19", "2026-01-01 00:00:18.999", 2]
[3, "a", 2, "2026-01-01 00:00:09", "2026-01-01 00:00:01", "2026-01-01 00:00:19", "2026-01-01 00:00:18.999", 3]
[2, "b", null, "2026-01-01 00:00:08", "2026-01-01 00:00:08", "2026-01-01 00:00:18", "2026-01-01 00:00:17.999", null]
[4, "a", 7, "2026-01-01 00:00:30", "2026-01-01 00:00:30", "2026-01-01 00:00:40", "2026-01-01 00:00:39.999", 8]
