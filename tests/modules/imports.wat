;; Asks for a clock.
(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i64 i32) (result i32)))
  (func (export "now_ms") (result i64) (i64.const 0)))
