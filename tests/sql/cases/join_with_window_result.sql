-- A row that is joined with the results of windows is forgotten when none is to come that it asks for; results are kept
-- for rows that are late.
-- input t.json
{"id": 1, "v": 5, "seen": "2024-01-01 00:00:01", "ts": "2024-01-01 00:00:01"}
{"id": 2, "v": 7, "seen": "2024-01-01 00:00:04", "ts": "2024-01-01 00:00:04"}
{"id": 3, "v": 7, "seen": "2024-01-01 00:00:10", "ts": "2024-01-01 00:00:12"}
{"id": 4, "v": 7, "seen": "2024-01-01 00:00:10.001", "ts": "2024-01-01 00:00:13"}
{"id": 5, "v": 7, "seen": null, "ts": "2024-01-01 00:00:14"}
{"id": 6, "v": 9, "seen": "2024-01-01 00:00:25", "ts": "2024-01-01 00:00:25"}
{"id": 7, "v": 7, "seen": "2024-01-01 00:00:03", "ts": "2024-01-01 00:00:03"}
{"id": 8, "v": 8, "seen": "2024-01-01 00:00:16", "ts": "2024-01-01 00:00:41"}
-- script
CREATE TABLE t (id INT, v INT, seen TIMESTAMP(3), ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE VIEW best AS SELECT MAX(v) AS v, window_end AS w
FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
SELECT t.id, best.w FROM t JOIN best ON t.v = best.v
WHERE t.seen BETWEEN best.w - INTERVAL '10' SECOND AND best.w
UNION ALL
SELECT t.id + 100, best.w FROM best JOIN t ON t.v = best.v
WHERE t.seen + INTERVAL '35' SECOND > best.w;
-- expect INT | TIMESTAMP(3)
[2, "2024-01-01 00:00:10.000"]
[3, "2024-01-01 00:00:10.000"]
[7, "2024-01-01 00:00:10.000"]
[3, "2024-01-01 00:00:20.000"]
[4, "2024-01-01 00:00:20.000"]
[6, "2024-01-01 00:00:30.000"]
[102, "2024-01-01 00:00:10.000"]
[103, "2024-01-01 00:00:10.000"]
[104, "2024-01-01 00:00:10.000"]
[107, "2024-01-01 00:00:10.000"]
[102, "2024-01-01 00:00:20.000"]
[103, "2024-01-01 00:00:20.000"]
[104, "2024-01-01 00:00:20.000"]
[107, "2024-01-01 00:00:20.000"]
[106, "2024-01-01 00:00:30.000"]
[108, "2024-01-01 00:00:50.000"]
