-- Upserts with a row time: what an update replaces leaves its window, and a delete that only names the key takes out the
-- row that is there. Watermark: the greatest time. [00, 10): 1 was there, moves to [10, 20); 2 is deleted; 3 stays.
-- input t.json
{"before":null,"after":{"id":1,"v":5,"ts":"2026-03-01 09:00:01"},"op":"c"}
{"before":null,"after":{"id":2,"v":7,"ts":"2026-03-01 09:00:02"},"op":"c"}
{"before":null,"after":{"id":3,"v":9,"ts":"2026-03-01 09:00:03"},"op":"c"}
{"before":{"id":2},"after":null,"op":"d"}
{"before":null,"after":{"id":4,"v":9},"op":"c"}
{"before":null,"after":{"id":5,"v":1,"ts":"2026-03-01 09:00:08"},"op":"c"}
{"before":null,"after":{"id":1,"v":6,"ts":"2026-03-01 09:00:11"},"op":"u"}
-- script
CREATE TABLE t (id INT, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'debezium-json', 'changelog-mode' = 'I,UA,D');
SELECT window_start, COUNT(*), SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP(3) | BIGINT | INT
["2026-03-01 09:00:00", 2, 10]
["2026-03-01 09:00:10", 1, 6]
