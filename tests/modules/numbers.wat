;; Functions of plain numbers that the module says nothing of: their types are those of WebAssembly.
(module
  (func (export "add") (param i64 i64) (result i64) (i64.add (local.get 0) (local.get 1)))
  (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
  (func (export "next") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func (export "seven") (result i32) (i32.const 7))
  (func (export "divide") (param i64 i64) (result i64) (i64.div_s (local.get 0) (local.get 1)))
  (func (export "two_results") (param i32) (result i32 i32) (local.get 0) (local.get 0)))
