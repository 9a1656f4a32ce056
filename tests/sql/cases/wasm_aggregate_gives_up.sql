-- A group with a row that a user aggregate gives up on has no result, as one whose SUM is out of range; others have.
-- input t.json
{"k": "a", "v": 1}
{"k": "b", "v": 1313}
{"k": "a", "v": 2}
{"k": "b", "v": 4}
{"k": "c", "v": 6}
-- script
CREATE TABLE t (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION total AS '$dir/total.wasm' LANGUAGE WASM;
SELECT k, total(v) FROM t GROUP BY k;
-- expect STRING | BIGINT
["a", 3]
["c", 6]
