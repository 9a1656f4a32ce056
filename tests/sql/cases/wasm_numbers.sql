-- Functions of plain numbers: i32, i64 and f64 are INT, BIGINT and DOUBLE; INT becomes BIGINT, DECIMAL becomes DOUBLE;
-- NULL in, NULL out. A name's case does not count; `#` names another function of the file.
-- input t.json
{"a": 1, "b": 2, "d": 5.0}
{"a": 3000000000, "b": null, "d": null}
{"a": -4, "b": -3, "d": -0.5}
-- script
CREATE TABLE t (a BIGINT, b INT, d DOUBLE) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION plus AS '$dir/numbers.wasm#add' LANGUAGE WASM;
CREATE TEMPORARY FUNCTION half AS '$dir/numbers.wasm' LANGUAGE WASM;
CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS NEXT AS '$dir/numbers.wasm' LANGUAGE WASM;
CREATE FUNCTION IF NOT EXISTS half AS '$dir/nowhere.wasm' LANGUAGE WASM;
CREATE FUNCTION seven AS '$dir/numbers.wasm' LANGUAGE WASM;
SELECT plus(a, b), PLUS(a, 10), half(d), half(1.5), next(b), half(a) + 1, seven(), plus(NULL, a) FROM t WHERE plus(a, 5) > 0 OR b = -3;
-- expect BIGINT | BIGINT | DOUBLE | DOUBLE | INT | DOUBLE | INT | BIGINT
[3, 11, 2.5, 0.75, 3, 1.5, 7, null]
[null, 3000000010, null, 0.75, null, 1500000001.0, 7, null]
[-7, 6, -0.25, 0.75, -2, -1.0, 7, null]
