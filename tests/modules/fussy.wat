;; `fussy(v)` is v; but of 1 it gives up, of 2 it never ends, of 3 it takes all memory, of 4 it calls itself forever.
(module
  (memory (export "memory") 1)
  (func $deep (param i64) (result i64) (i64.add (call $deep (local.get 0)) (i64.const 1)))
  (func (export "fussy") (param $v i64) (result i64)
    (if (i64.eq (local.get $v) (i64.const 1)) (then (unreachable)))
    (if (i64.eq (local.get $v) (i64.const 2)) (then (loop $forever (br $forever))))
    (if (i64.eq (local.get $v) (i64.const 3))
      (then (loop $forever (drop (memory.grow (i32.const 16))) (br $forever))))
    (if (i64.eq (local.get $v) (i64.const 4)) (then (return (call $deep (local.get $v)))))
    (local.get $v)))
