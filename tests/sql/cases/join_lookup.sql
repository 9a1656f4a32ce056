-- Processing time: every order meets the table as it is when the run begins, whichever was written first. Of a primary
-- key the last row counts (1 is Bobby). Conditions on the table do not bring back an earlier row; a NULL key has no
-- partner. A window on top goes by the row time of the orders.
-- input orders.json
{"id": 1, "customer": 1, "total": 10, "ts": "2026-01-01 00:00:01"}
{"id": 2, "customer": 2, "total": 20, "ts": "2026-01-01 00:00:02"}
{"id": 3, "customer": 9, "total": 30, "ts": "2026-01-01 00:00:11"}
{"id": 4, "customer": null, "total": 40, "ts": "2026-01-01 00:00:12"}
{"id": 5, "customer": 1, "total": 50, "ts": "2026-01-01 00:00:13"}
-- input customers.json
{"id": 1, "name": "Bob", "age": 28}
{"id": 2, "name": "Alice", "age": 32}
{"id": 1, "name": "Bobby", "age": 29}
{"id": 2, "name": "Alicia", "age": 20}
-- script
CREATE TABLE orders (id INT, customer BIGINT, total INT, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/orders.json', 'format' = 'json');
CREATE TABLE customers (id INT PRIMARY KEY NOT ENFORCED, name STRING, age INT) WITH ('connector' = 'filesystem', 'path' = '$dir/customers.json', 'format' = 'json');
CREATE VIEW named AS SELECT /*+ LOOKUP('table'='c') */ o.id, o.total, o.ts, c.name FROM orders AS o LEFT JOIN customers FOR SYSTEM_TIME AS OF o.p AS c ON o.customer = c.id AND c.age > 25 AND o.total < 60;
SELECT window_start, COUNT(*), COUNT(name), MAX(name), SUM(total) FROM TABLE(TUMBLE(TABLE named, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;
-- expect TIMESTAMP | BIGINT | BIGINT | STRING | INT
["2026-01-01 00:00:00", 2, 1, "Bobby", 30]
["2026-01-01 00:00:10", 3, 1, "Bobby", 120]
