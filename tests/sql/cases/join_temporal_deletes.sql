-- A version of a key ends when the key is deleted: from the time of the delete on there is none (orders 3 and 6), until
-- the key is there again (order 4). An order that comes later but is of a time before the delete meets what was valid
-- then (order 5).
-- input orders.json
{"id": 1, "currency": "Euro", "ts": "2026-01-01 10:15:00"}
{"id": 2, "currency": "Euro", "ts": "2026-01-01 10:45:00"}
{"id": 3, "currency": "Euro", "ts": "2026-01-01 11:00:00"}
{"id": 4, "currency": "Euro", "ts": "2026-01-01 11:40:00"}
{"id": 5, "currency": "Euro", "ts": "2026-01-01 10:59:59"}
{"id": 6, "currency": "Yen", "ts": "2026-01-01 11:50:00"}
-- input rates.json
{"before":null,"after":{"currency":"Euro","rate":114,"ts":"2026-01-01 10:00:00"},"op":"c"}
{"before":null,"after":{"currency":"Yen","rate":1,"ts":"2026-01-01 10:00:00"},"op":"c"}
{"before":{"currency":"Euro","rate":114,"ts":"2026-01-01 10:00:00"},"after":{"currency":"Euro","rate":116,"ts":"2026-01-01 10:30:00"},"op":"u"}
{"before":{"currency":"Euro","rate":116,"ts":"2026-01-01 11:00:00"},"after":null,"op":"d"}
{"before":null,"after":{"currency":"Euro","rate":119,"ts":"2026-01-01 11:30:00"},"op":"c"}
{"before":{"currency":"Yen","rate":1,"ts":"2026-01-01 11:45:00"},"after":null,"op":"d"}
-- script
CREATE TABLE orders (id INT, currency STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '2' HOUR) WITH ('connector' = 'filesystem', 'path' = '$dir/orders.json', 'format' = 'json');
CREATE TABLE rates (currency STRING, rate INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts, PRIMARY KEY (currency) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '$dir/rates.json', 'format' = 'debezium-json');
SELECT o.id, r.rate FROM orders AS o LEFT JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency;
-- expect INT | INT
[1, 114]
[2, 116]
[3, null]
[4, 119]
[5, 116]
[6, null]
