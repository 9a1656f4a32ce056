-- Rows leave in order as time goes on, so a row before the watermark (id 5: 4 s, after 8 s less 1 s) is late, as in
-- Flink; one at the watermark is not (id 7: 6 s, after 7 s less 1 s).
-- input t.json
{"id": 1, "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "v": 6, "ts": "2026-01-01 00:00:07"}
{"id": 3, "v": 3, "ts": "2026-01-01 00:00:07"}
{"id": 7, "v": 7, "ts": "2026-01-01 00:00:06"}
{"id": 4, "v": null, "ts": "2026-01-01 00:00:08"}
{"id": 5, "v": 5, "ts": "2026-01-01 00:00:04"}
{"id": 6, "v": 4, "ts": "2026-01-01 00:00:16"}
-- script
CREATE TABLE t (id INT, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, v FROM t ORDER BY ts, v;
-- expect INT | INT
[1, 1]
[7, 7]
[3, 3]
[2, 6]
[4, null]
[6, 4]
