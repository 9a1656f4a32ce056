;; `total(v)`: the sum of the values that are not NULL; NULL if there is none; 1313 makes it give up. `total_added` is
;; the same for rows that are only added. A state is the sum and the number of values, 16 bytes.
(module
  (memory (export "memory") 1)
  (data (i32.const 8)
    "millrace 1\ntotal(BIGINT) RETURNS BIGINT\ntotal_added(BIGINT) RETURNS BIGINT\n\00")
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

  ;; The n-th 32-bit number of a list.
  (func $nth (param $list i32) (param $n i32) (result i32)
    (i32.load (i32.add (local.get $list) (i32.shl (local.get $n) (i32.const 2)))))
  ;; 1 if the n-th row of a column is not NULL.
  (func $valid (param $column i32) (param $n i32) (result i32)
    (if (result i32) (i32.load (local.get $column))
      (then (i32.load8_u (i32.add (i32.load (local.get $column)) (local.get $n))))
      (else (i32.const 1))))

  ;; New states: those that came, zeros for NULL.
  (func $begin (param $groups i32) (param $states i32) (result i32)
    (local $header i32) (local $offsets i32) (local $bytes i32) (local $group i32)
    (local.set $header (call $alloc (i32.const 12)))
    (local.set $offsets (call $alloc (i32.shl (i32.add (local.get $groups) (i32.const 1)) (i32.const 2))))
    (local.set $bytes (call $alloc (i32.shl (local.get $groups) (i32.const 4))))
    (i32.store (local.get $header) (i32.const 0))
    (i32.store offset=4 (local.get $header) (local.get $offsets))
    (i32.store offset=8 (local.get $header) (local.get $bytes))
    (block $done
      (loop $each
        (i32.store
          (i32.add (local.get $offsets) (i32.shl (local.get $group) (i32.const 2)))
          (i32.shl (local.get $group) (i32.const 4)))
        (br_if $done (i32.eq (local.get $group) (local.get $groups)))
        (if (call $valid (local.get $states) (local.get $group))
          (then
            (memory.copy
              (i32.add (local.get $bytes) (i32.shl (local.get $group) (i32.const 4)))
              (i32.add
                (i32.load offset=8 (local.get $states))
                (call $nth (i32.load offset=4 (local.get $states)) (local.get $group)))
              (i32.const 16))))
        (local.set $group (i32.add (local.get $group) (i32.const 1)))
        (br $each)))
    (local.get $header))

  ;; Adds a sum and a number of values to a group.
  (func $add (param $header i32) (param $group i32) (param $sum i64) (param $count i64)
    (local $state i32)
    (local.set $state
      (i32.add (i32.load offset=8 (local.get $header)) (i32.shl (local.get $group) (i32.const 4))))
    (i64.store (local.get $state) (i64.add (i64.load (local.get $state)) (local.get $sum)))
    (i64.store offset=8 (local.get $state) (i64.add (i64.load offset=8 (local.get $state)) (local.get $count))))

  ;; Adds rows, or takes them back: `sign` is 1 or -1.
  (func $rows (param $sign i64) (param $groups i32) (param $states i32) (param $rows i32) (param $of i32)
      (param $args i32) (result i32)
    (local $header i32) (local $row i32) (local $value i64)
    (local.set $header (call $begin (local.get $groups) (local.get $states)))
    (block $done
      (loop $each
        (br_if $done (i32.eq (local.get $row) (local.get $rows)))
        (if (call $valid (local.get $args) (local.get $row))
          (then
            (local.set $value
              (i64.load
                (i32.add (i32.load offset=4 (local.get $args)) (i32.shl (local.get $row) (i32.const 3)))))
            (if (i64.eq (local.get $value) (i64.const 1313)) (then (unreachable)))
            (call $add (local.get $header) (call $nth (local.get $of) (local.get $row))
              (i64.mul (local.get $sign) (local.get $value)) (local.get $sign))))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $each)))
    (local.get $header))

  (func $accumulate (param i32 i32 i32 i32 i32) (result i32)
    (call $rows (i64.const 1)
      (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)))
  (func (export "total_retract") (param i32 i32 i32 i32 i32) (result i32)
    (call $rows (i64.const -1)
      (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)))

  (func $merge (param $groups i32) (param $states i32) (param $rows i32) (param $of i32) (param $others i32)
      (result i32)
    (local $header i32) (local $row i32) (local $state i32)
    (local.set $header (call $begin (local.get $groups) (local.get $states)))
    (block $done
      (loop $each
        (br_if $done (i32.eq (local.get $row) (local.get $rows)))
        (local.set $state
          (i32.add
            (i32.load offset=8 (local.get $others))
            (call $nth (i32.load offset=4 (local.get $others)) (local.get $row))))
        (call $add (local.get $header) (call $nth (local.get $of) (local.get $row))
          (i64.load (local.get $state)) (i64.load offset=8 (local.get $state)))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $each)))
    (local.get $header))

  (func $result (param $groups i32) (param $states i32) (result i32)
    (local $held i32) (local $header i32) (local $validity i32) (local $values i32) (local $group i32)
    (local $state i32)
    (local.set $held (call $begin (local.get $groups) (local.get $states)))
    (local.set $header (call $alloc (i32.const 12)))
    (local.set $validity (call $alloc (local.get $groups)))
    (local.set $values (call $alloc (i32.shl (local.get $groups) (i32.const 3))))
    (i32.store (local.get $header) (local.get $validity))
    (i32.store offset=4 (local.get $header) (local.get $values))
    (block $done
      (loop $each
        (br_if $done (i32.eq (local.get $group) (local.get $groups)))
        (local.set $state
          (i32.add (i32.load offset=8 (local.get $held)) (i32.shl (local.get $group) (i32.const 4))))
        (i32.store8
          (i32.add (local.get $validity) (local.get $group))
          (i64.ne (i64.load offset=8 (local.get $state)) (i64.const 0)))
        (i64.store
          (i32.add (local.get $values) (i32.shl (local.get $group) (i32.const 3)))
          (i64.load (local.get $state)))
        (local.set $group (i32.add (local.get $group) (i32.const 1)))
        (br $each)))
    (local.get $header))

  (export "total_accumulate" (func $accumulate))
  (export "total_added_accumulate" (func $accumulate))
  (export "total_merge" (func $merge))
  (export "total_added_merge" (func $merge))
  (export "total_result" (func $result))
  (export "total_added_result" (func $result)))
