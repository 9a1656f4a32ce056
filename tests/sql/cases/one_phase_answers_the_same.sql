-- Rows that go to the owner of their group one by one are counted as those aggregated before they move, late ones too:
-- the row of 00:02 in a.json comes after its split has passed the window.
-- input a.json
{"k": "a", "v": 1, "ts": "2026-01-01 00:00:01"}
{"k": "b", "v": 4, "ts": "2026-01-01 00:01:00"}
{"k": "a", "v": 100, "ts": "2026-01-01 00:00:02"}
-- input b.json
{"k": "a", "v": 2, "ts": "2026-01-01 00:00:03"}
{"k": null, "v": 8, "ts": "2026-01-01 00:00:04"}
-- script
SET 'table.optimizer.agg-phase-strategy' = 'ONE_PHASE';
CREATE TABLE t (k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir', 'format' = 'json');
SELECT window_start, k, SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, k;
-- expect TIMESTAMP | STRING | INT
["2026-01-01 00:00:00", "a", 3]
["2026-01-01 00:00:00", null, 8]
["2026-01-01 00:01:00", "b", 4]
