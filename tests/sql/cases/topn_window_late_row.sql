-- A window's best row leaves when the window closes; id 5 comes after its window has fired.
-- input t.json
{"id": 1, "k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"id": 2, "k": "a", "v": 7, "ts": "2026-01-01 00:00:02"}
{"id": 3, "k": "b", "v": 3, "ts": "2026-01-01 00:00:09.999"}
{"id": 4, "k": "a", "v": 4, "ts": "2026-01-01 00:00:12"}
{"id": 5, "k": "a", "v": 9, "ts": "2026-01-01 00:00:03"}
-- script
CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT window_end, k, id FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY v DESC) AS rn
  FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))) WHERE rn = 1;
-- expect TIMESTAMP | STRING | INT
["2026-01-01 00:00:10", "a", 2]
["2026-01-01 00:00:10", "b", 3]
["2026-01-01 00:00:20", "a", 4]
