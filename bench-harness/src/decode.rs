//! JSON lines to structs with sonic-rs.

use serde::Deserialize;

/// A trade as sonic-rs reads it.
#[derive(Debug, Deserialize)]
pub struct Trade<'a> {
    /// Number.
    pub id: i64,
    /// Key.
    pub symbol: &'a str,
    /// Who.
    pub trader: i32,
    /// Price.
    pub price: f64,
    /// Quantity.
    pub qty: i64,
    /// Fee.
    pub fee: &'a str,
    /// Flag.
    pub ok: bool,
    /// When.
    pub ts: &'a str,
}

/// Rows parsed by sonic-rs into structs that borrow.
pub fn by_sonic(lines: &[u8]) -> usize {
    let parse = |line: &&[u8]| match sonic_rs::from_slice::<Trade<'_>>(line) {
        Ok(trade) => std::hint::black_box(&trade).id >= 0,
        Err(_) => false,
    };
    lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).filter(parse).count()
}
