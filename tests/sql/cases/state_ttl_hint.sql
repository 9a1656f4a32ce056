-- State that is kept for a day is there for all rows of a short run. A hint names what GROUP BY reads.
-- input t.json
{"k": "a", "v": 1}
{"k": "b", "v": 2}
{"k": "a", "v": 4}
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
SELECT /*+ BROADCAST(t), STATE_TTL('t' = '1 d') */ /*+ don't shuffle */ k, COUNT(*), SUM(v), MIN(v) FROM t GROUP BY k
UNION ALL
SELECT /*+ STATE_TTL(u = '2h') */ 'of ' || CAST(n AS STRING), COUNT(*), MAX(s), 0 FROM (
  SELECT /*+ STATE_TTL('x' = '0 s') */ k, COUNT(*) AS n, SUM(v) AS s FROM t AS x GROUP BY k) AS u GROUP BY n;
-- expect STRING | BIGINT | INT | INT
["a", 2, 5, 1]
["b", 1, 2, 2]
["of 2", 1, 5, 0]
["of 1", 1, 2, 0]
