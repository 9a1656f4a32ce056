-- OVER takes rows that only come, as in Flink.
-- script
CREATE TABLE t (id INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'debezium-json');
SELECT id, SUM(id) OVER (ORDER BY ts) FROM t;
-- refuse
OVER over a query whose rows change
