;; `shout('abc')` is 'ABC!'; a text with `?` makes it give up.
(module
  (memory (export "memory") 1)
  (data (i32.const 8) "millrace 1\nshout(STRING) RETURNS STRING\n\00")
  (func (export "millrace_functions") (result i32) (i32.const 8))
  (global $heap (mut i32) (i32.const 1024))
  (func $alloc (export "millrace_alloc") (param $bytes i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $heap))
    (global.set $heap
      (i32.add (local.get $at) (i32.and (i32.add (local.get $bytes) (i32.const 7)) (i32.const -8))))
    (block $fits
      (loop $grow
        (br_if $fits (i32.le_u (global.get $heap) (i32.shl (memory.size) (i32.const 16))))
        (drop (memory.grow (i32.const 1)))
        (br $grow)))
    (local.get $at))

  (func (export "shout_batch") (param $rows i32) (param $args i32) (result i32)
    (local $validity i32) (local $offsets i32) (local $bytes i32)
    (local $header i32) (local $new_offsets i32) (local $new_bytes i32)
    (local $row i32) (local $at i32) (local $end i32) (local $out i32) (local $char i32)
    (local.set $validity (i32.load (local.get $args)))
    (local.set $offsets (i32.load offset=4 (local.get $args)))
    (local.set $bytes (i32.load offset=8 (local.get $args)))
    (local.set $header (call $alloc (i32.const 12)))
    (local.set $new_offsets
      (call $alloc (i32.shl (i32.add (local.get $rows) (i32.const 1)) (i32.const 2))))
    ;; Each text grows by one byte.
    (local.set $new_bytes
      (call $alloc
        (i32.add
          (local.get $rows)
          (i32.load (i32.add (local.get $offsets) (i32.shl (local.get $rows) (i32.const 2)))))))
    (i32.store (local.get $header) (local.get $validity))
    (i32.store offset=4 (local.get $header) (local.get $new_offsets))
    (i32.store offset=8 (local.get $header) (local.get $new_bytes))
    (block $done
      (loop $each
        (i32.store
          (i32.add (local.get $new_offsets) (i32.shl (local.get $row) (i32.const 2)))
          (local.get $out))
        (br_if $done (i32.eq (local.get $row) (local.get $rows)))
        (local.set $at (i32.load (i32.add (local.get $offsets) (i32.shl (local.get $row) (i32.const 2)))))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (local.set $end (i32.load (i32.add (local.get $offsets) (i32.shl (local.get $row) (i32.const 2)))))
        (block $copied
          (loop $copy
            (br_if $copied (i32.eq (local.get $at) (local.get $end)))
            (local.set $char (i32.load8_u (i32.add (local.get $bytes) (local.get $at))))
            (if (i32.eq (local.get $char) (i32.const 63)) (then (unreachable)))
            (if (i32.lt_u (i32.sub (local.get $char) (i32.const 97)) (i32.const 26))
              (then (local.set $char (i32.sub (local.get $char) (i32.const 32)))))
            (i32.store8 (i32.add (local.get $new_bytes) (local.get $out)) (local.get $char))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (local.set $out (i32.add (local.get $out) (i32.const 1)))
            (br $copy)))
        (i32.store8 (i32.add (local.get $new_bytes) (local.get $out)) (i32.const 33))
        (local.set $out (i32.add (local.get $out) (i32.const 1)))
        (br $each)))
    (local.get $header)))
