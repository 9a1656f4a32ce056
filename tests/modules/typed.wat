;; Functions whose types the module declares: plain numbers, and columns that go out as they came.
(module
  (memory (export "memory") 1)
  (data (i32.const 8)
    "millrace 1\n"
    "negate(BOOLEAN) RETURNS BOOLEAN\n"
    "day_after(DATE) RETURNS DATE\n"
    "minute_after(TIMESTAMP(3)) RETURNS TIMESTAMP(3)\n"
    "float_half(FLOAT) RETURNS FLOAT\n"
    "same_boolean(BOOLEAN) RETURNS BOOLEAN\n"
    "same_int(INT) RETURNS INT\n"
    "same_bigint(BIGINT) RETURNS BIGINT\n"
    "same_float(FLOAT) RETURNS FLOAT\n"
    "same_double(DOUBLE) RETURNS DOUBLE\n"
    "same_date(DATE) RETURNS DATE\n"
    "same_time(TIMESTAMP(3)) RETURNS TIMESTAMP(3)\n"
    "same_instant(TIMESTAMP_LTZ(3)) RETURNS TIMESTAMP_LTZ(3)\n"
    "same_text(STRING) RETURNS STRING\n"
    "same_bytes(BYTES) RETURNS BYTES\n"
    "second(BIGINT, STRING, DATE) RETURNS STRING\n"
    "is_null(STRING) RETURNS BOOLEAN\n"
    "not_utf8(STRING) RETURNS STRING\n"
    "far_away(STRING) RETURNS BIGINT\n"
    "missing(STRING) RETURNS STRING\n"
    "mistyped(BIGINT) RETURNS BIGINT\n"
    "half_made(BIGINT) RETURNS BIGINT\n\00")
  (data (i32.const 1200) "\ff\fe\fd\fc")
  (func (export "millrace_functions") (result i32) (i32.const 8))
  (global $heap (mut i32) (i32.const 2048))
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

  (func (export "negate") (param i32) (result i32) (i32.eqz (local.get 0)))
  (func (export "day_after") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func (export "minute_after") (param i64) (result i64) (i64.add (local.get 0) (i64.const 60000)))
  (func (export "float_half") (param f32) (result f32) (f32.div (local.get 0) (f32.const 2)))

  ;; The result is the first column that came.
  (func $same (param $rows i32) (param $args i32) (result i32) (local.get $args))
  (export "same_boolean_batch" (func $same))
  (export "same_int_batch" (func $same))
  (export "same_bigint_batch" (func $same))
  (export "same_float_batch" (func $same))
  (export "same_double_batch" (func $same))
  (export "same_date_batch" (func $same))
  (export "same_time_batch" (func $same))
  (export "same_instant_batch" (func $same))
  (export "same_text_batch" (func $same))
  (export "same_bytes_batch" (func $same))

  ;; The second of three columns.
  (func (export "second_batch") (param $rows i32) (param $args i32) (result i32)
    (i32.add (local.get $args) (i32.const 12)))

  ;; TRUE where the text is NULL; never NULL itself.
  (func (export "is_null_batch") (param $rows i32) (param $args i32) (result i32)
    (local $validity i32) (local $values i32) (local $header i32) (local $row i32)
    (local.set $validity (i32.load (local.get $args)))
    (local.set $values (call $alloc (local.get $rows)))
    (local.set $header (call $alloc (i32.const 12)))
    (i32.store offset=4 (local.get $header) (local.get $values))
    (block $done
      (loop $each
        (br_if $done (i32.eq (local.get $row) (local.get $rows)))
        (if (local.get $validity)
          (then
            (i32.store8
              (i32.add (local.get $values) (local.get $row))
              (i32.eqz (i32.load8_u (i32.add (local.get $validity) (local.get $row)))))))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $each)))
    (local.get $header))

  ;; The texts that came, but over bytes that are no text.
  (func (export "not_utf8_batch") (param $rows i32) (param $args i32) (result i32)
    (i32.store offset=8 (local.get $args) (i32.const 1200))
    (local.get $args))

  ;; Values that lie outside of the memory.
  (func (export "far_away_batch") (param $rows i32) (param $args i32) (result i32)
    (i32.store offset=4 (local.get $args) (i32.const -8))
    (local.get $args))

  (func (export "mistyped") (param i32) (result i64) (i64.const 0))
  (func (export "half_made_accumulate") (param i32 i32 i32 i32 i32) (result i32) (i32.const 0)))
