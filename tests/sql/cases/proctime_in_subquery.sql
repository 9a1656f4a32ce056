-- PROCTIME() of a query is a time attribute like that of a table, through views and filters.

-- input t.json
{"id": 1, "k": "a", "ts": "2026-01-01 00:00:00"}
{"id": 2, "k": "b", "ts": "2026-01-01 00:00:03"}
{"id": 3, "k": "a", "ts": "2026-01-01 00:01:00"}
{"id": 4, "k": "a", "ts": "2020-01-01 00:00:00"}
{"id": 5, "k": "b", "ts": "2026-01-01 00:02:00"}

-- script
CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts)
WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE VIEW seen AS SELECT id, PROCTIME() AS came FROM t WHERE id > 1;
SELECT SUM(n), SUM(ids) FROM (
  SELECT COUNT(*) AS n, SUM(id) AS ids FROM TABLE(TUMBLE(TABLE seen, DESCRIPTOR(came), INTERVAL '1' MINUTE))
  GROUP BY window_start, window_end
);

-- expect BIGINT | INT
[4, 14]
