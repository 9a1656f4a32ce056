-- Flink's example of currency rates: an order meets the rate that was valid at its time, not the latest; a rate is valid
-- from its own time on (order 3 at 10:45 meets the rate of 10:45); before the first rate there is none (order 1). A
-- condition on the rate is one on the version that was valid (order 4: 119 is not below 119, and 116 is past).
-- input orders.json
{"id": 1, "amount": 2, "currency": "Euro", "ts": "2026-01-01 10:15:00"}
{"id": 2, "amount": 1, "currency": "USD", "ts": "2026-01-01 10:30:00"}
{"id": 3, "amount": 3, "currency": "Euro", "ts": "2026-01-01 10:45:00"}
{"id": 4, "amount": 1, "currency": "Euro", "ts": "2026-01-01 11:20:00"}
{"id": 5, "amount": 5, "currency": "Yen", "ts": "2026-01-01 11:30:00"}
-- input rates.json
{"currency": "USD", "rate": 102, "ts": "2026-01-01 10:00:00"}
{"currency": "Euro", "rate": 114, "ts": "2026-01-01 10:20:00"}
{"currency": "Euro", "rate": 116, "ts": "2026-01-01 10:45:00"}
{"currency": "Euro", "rate": 119, "ts": "2026-01-01 11:15:00"}
{"currency": "USD", "rate": 103, "ts": "2026-01-01 11:49:00"}
-- script
CREATE TABLE orders (id INT, amount INT, currency STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '$dir/orders.json', 'format' = 'json');
CREATE TABLE rates (currency STRING, rate INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts, PRIMARY KEY (currency) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '$dir/rates.json', 'format' = 'json');
SELECT o.id, o.amount * r.rate, r.ts FROM orders AS o LEFT JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.currency = r.currency AND r.rate < 119;
-- expect INT | INT | TIMESTAMP
[1, null, null]
[2, 102, "2026-01-01 10:00:00"]
[3, 348, "2026-01-01 10:45:00"]
[4, null, null]
[5, null, null]
