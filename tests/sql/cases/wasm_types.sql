-- Every type goes in and comes out as it is, by the row and by the batch, NULLs too.
-- input t.json
{"b": true, "i": 1, "l": 5000000000, "f": 1.5, "d": 0.1, "day": "2024-02-28", "ts": "2024-02-28 23:59:30.125", "s": "häßlich"}
{}
{"b": false, "i": -7, "l": -1, "f": -2.25, "d": 1e300, "day": "1969-12-31", "ts": "1969-12-31 23:59:59.999", "s": ""}
-- script
CREATE TABLE t (b BOOLEAN, i INT, l BIGINT, f FLOAT, d DOUBLE, `day` DATE, ts TIMESTAMP(3), s STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION negate AS '$dir/typed.wasm' LANGUAGE WASM;
CREATE FUNCTION day_after AS '$dir/typed.wasm' LANGUAGE WASM;
CREATE FUNCTION minute_after AS '$dir/typed.wasm' LANGUAGE WASM;
CREATE FUNCTION float_half AS '$dir/typed.wasm' LANGUAGE WASM;
CREATE FUNCTION same_boolean AS '$dir/typed.wasm' LANGUAGE WASM;
CREATE FUNCTION same_int AS '$dir/typed.wasm' LANGUAGE WASM;
CREATE FUNCTION same_bigint AS '$dir/typed.wasm' LANGUAGE WASM;
CREATE FUNCTION same_float AS '$dir/typed.wasm' LANGUAGE WASM;
CREATE FUNCTION same_double AS '$dir/typed.wasm' LANGUAGE WASM;
CREATE FUNCTION same_date AS '$dir/typed.wasm' LANGUAGE WASM;
CREATE FUNCTION same_time AS '$dir/typed.wasm' LANGUAGE WASM;
CREATE FUNCTION same_instant AS '$dir/typed.wasm' LANGUAGE WASM;
CREATE FUNCTION same_text AS '$dir/typed.wasm' LANGUAGE WASM;
CREATE FUNCTION same_bytes AS '$dir/typed.wasm' LANGUAGE WASM;
CREATE FUNCTION `second_of` AS '$dir/typed.wasm#second' LANGUAGE WASM;
CREATE FUNCTION is_null AS '$dir/typed.wasm' LANGUAGE WASM;
SELECT
  negate(b), day_after(`day`), minute_after(ts), float_half(f),
  same_boolean(b), same_int(i), same_bigint(l), same_float(f), same_double(d), same_date(`day`), same_time(ts),
  CAST(same_instant(CAST(ts AS TIMESTAMP_LTZ(3))) AS TIMESTAMP(3)), same_text(s),
  CAST(same_bytes(CAST(s AS BYTES)) AS STRING), second_of(l, s, `day`), is_null(s)
FROM t;
-- expect BOOLEAN | DATE | TIMESTAMP | FLOAT | BOOLEAN | INT | BIGINT | FLOAT | DOUBLE | DATE | TIMESTAMP | TIMESTAMP | STRING | STRING | STRING | BOOLEAN
[false, "2024-02-29", "2024-02-29 00:00:30.125", 0.75, true, 1, 5000000000, 1.5, 0.1, "2024-02-28", "2024-02-28 23:59:30.125", "2024-02-28 23:59:30.125", "häßlich", "häßlich", "häßlich", false]
[null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, true]
[true, "1970-01-01", "1970-01-01 00:00:59.999", -1.125, false, -7, -1, -2.25, 1e300, "1969-12-31", "1969-12-31 23:59:59.999", "1969-12-31 23:59:59.999", "", "", "", false]
