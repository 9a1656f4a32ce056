-- Partners are at most 2 s before; a row without any leaves once the watermark says that none can come. A window on
-- top finds every row: of [0, 10) the rows 1 (two partners), 2 (none).
-- input l.json
{"id": 1, "k": "a", "ts": "2026-01-01 00:00:03"}
{"id": 2, "k": "a", "ts": "2026-01-01 00:00:09"}
{"id": 3, "k": "b", "ts": "2026-01-01 00:00:12"}
-- input r.json
{"k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"k": "a", "v": 2, "ts": "2026-01-01 00:00:03"}
{"k": "a", "v": 4, "ts": "2026-01-01 00:00:04"}
{"k": "b", "v": 8, "ts": "2026-01-01 00:00:11"}
-- script
CREATE TABLE l (id INT, k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/l.json', 'format' = 'json');
CREATE TABLE r (k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/r.json', 'format' = 'json');
CREATE VIEW j AS SELECT l.id, l.ts, r.v FROM l LEFT JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts - INTERVAL '2' SECOND AND l.ts;
SELECT window_start, COUNT(*), COUNT(v), SUM(v) FROM TABLE(TUMBLE(TABLE j, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | BIGINT | BIGINT | INT
["2026-01-01 00:00:00", 3, 2, 3]
["2026-01-01 00:00:10", 1, 1, 8]
