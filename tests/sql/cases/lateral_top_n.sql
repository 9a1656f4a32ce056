-- The first rows for each row of the left side; a left row that goes takes its rows along.
-- input c.json
{"city": "Aachen", "state": "NW", "pop": 250}
{"city": "Bonn", "state": "NW", "pop": 330}
{"city": "Celle", "state": "NI", "pop": 70}
{"city": "Emden", "state": "NI", "pop": 50}
{"city": "Essen", "state": "NW", "pop": 590}
{"city": "Hagen", "state": "NW", "pop": 190}
{"city": "Köln", "state": "NW", "pop": 1080}
{"city": "Nowhere", "state": null, "pop": 1}
-- script
CREATE TABLE c (city STRING, state STRING, pop INT) WITH ('connector' = 'filesystem', 'path' = '$dir/c.json', 'format' = 'json');
SELECT s.state, t.city, t.pop
FROM (SELECT DISTINCT state FROM c) AS s,
LATERAL (SELECT city, pop FROM c WHERE state = s.state AND pop < 1000 ORDER BY pop DESC LIMIT 2) AS t;
-- expect STRING | STRING | INT
["NW", "Essen", 590]
["NW", "Bonn", 330]
["NI", "Celle", 70]
["NI", "Emden", 50]
