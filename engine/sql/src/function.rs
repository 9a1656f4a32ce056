//! stub
use arrow::datatypes::DataType;
use datafusion_expr::ScalarUDF;
use std::sync::Arc;
pub struct ScalarEntry {
    pub name: &'static str,
    pub signature: &'static str,
    pub about: &'static str,
}
pub fn scalar_functions() -> &'static [ScalarEntry] {
    &[]
}
pub fn scalar(_n: &str) -> Option<Arc<ScalarUDF>> {
    None
}
pub fn cast_udf(_t: &DataType, _try: bool) -> Arc<ScalarUDF> {
    todo!()
}
pub fn needs_flink_cast(_a: &DataType, _b: &DataType) -> bool {
    false
}
