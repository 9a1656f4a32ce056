-- Aggregates that take rows back as the frame moves: DISTINCT, STDDEV_POP, LISTAGG, MIN, FIRST_VALUE.
-- input t.json
{"id": 1, "v": 2, "s": "x", "ts": "2026-01-01 00:00:01"}
{"id": 2, "v": 2, "s": "y", "ts": "2026-01-01 00:00:02"}
{"id": 3, "v": 6, "s": null, "ts": "2026-01-01 00:00:03"}
{"id": 4, "v": 10, "s": "z", "ts": "2026-01-01 00:00:04"}
-- script
CREATE TABLE t (id INT, v INT, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT id, COUNT(DISTINCT v) OVER w, VAR_POP(CAST(v AS DOUBLE)) OVER w, LISTAGG(s) OVER w, MIN(s) OVER w, FIRST_VALUE(s) OVER w, LAST_VALUE(s) OVER w, AVG(v) OVER w
FROM t WINDOW w AS (ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW);
-- expect INT | BIGINT | DOUBLE | STRING | STRING | STRING | STRING | INT
[1, 1, 0, "x", "x", "x", "x", 2]
[2, 1, 0, "x,y", "x", "x", "y", 2]
[3, 2, 4, "y", "y", "y", "y", 4]
[4, 2, 4, "z", "z", "z", "z", 8]
