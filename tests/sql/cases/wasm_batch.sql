-- A function that is called once a batch and makes texts; a row that it gives up on is a bad row, the others are not.
-- input t.json
{"id": 1, "s": "abc"}
{"id": 2, "s": null}
{"id": 3, "s": "what?"}
{"id": 4, "s": ""}
{"id": 5, "s": "Über"}
-- script
CREATE TABLE t (id INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '$dir/t.json', 'format' = 'json');
CREATE FUNCTION shout AS '$dir/shout.wasm' LANGUAGE WASM;
SELECT id, shout(s), shout(shout(s)), shout('x') FROM t;
-- expect INT | STRING | STRING | STRING
[1, "ABC!", "ABC!!", "X!"]
[2, null, null, "X!"]
[4, "!", "!!", "X!"]
[5, "ÜBER!", "ÜBER!!", "X!"]
