CREATE TABLE a (k INT, v STRING, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'stdin', 'format' = 'json');
CREATE TABLE b (k INT, w DOUBLE, ts TIMESTAMP(3), WATERMARK FOR ts AS ts, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = 'y', 'format' = 'csv');
WITH x AS (SELECT a.k, v, w FROM a LEFT JOIN b FOR SYSTEM_TIME AS OF a.ts ON a.k = b.k)
SELECT * FROM x WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = x.k AND b.w > x.w) UNION ALL
SELECT k, v, 0E0 FROM a, UNNEST(ARRAY[1, 2]) AS n (i) WHERE k = i;
