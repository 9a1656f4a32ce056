//! Moves the values that a filter keeps eight or sixteen at a time, by AVX-512's `vpcompress`.
//!
//! A hot loop that is excepted from the rule against `unsafe`: what the processor can do is known only at run
//! time, and a vector is stored before it is known how many of its values count. Measured by `cargo bench -p
//! millrace-bench filter` against the table of [`super`].

#![allow(unsafe_code, reason = "a call that the processor must support; loads and stores of whole vectors")]

use std::arch::x86_64::{
    _mm512_loadu_si512, _mm512_maskz_compress_epi32, _mm512_maskz_compress_epi64, _mm512_storeu_si512,
};

use arrow::buffer::{BooleanBuffer, Buffer};

/// Rows of a mask's word.
const WORD_ROWS: usize = 64;

/// The `kept` values of `width` bytes whose bit in `keep` is set; `None` if the processor or the width will not do.
pub fn compact(values: &Buffer, width: usize, keep: &BooleanBuffer, kept: usize) -> Option<Buffer> {
    if !is_x86_feature_detected!("avx512f") {
        return None;
    }
    match width {
        // SAFETY: the processor has AVX-512F, as asked above.
        4 => Some(unsafe { compact_4(values.typed_data(), keep, kept) }.into()),
        // SAFETY: the processor has AVX-512F, as asked above.
        8 => Some(unsafe { compact_8(values.typed_data(), keep, kept) }.into()),
        _ => None,
    }
}

macro_rules! compact {
    ($name:ident, $value:ty, $lanes:literal, $mask:ty, $compress:ident) => {
        #[target_feature(enable = "avx512f")]
        fn $name(values: &[$value], keep: &BooleanBuffer, kept: usize) -> Vec<$value> {
            assert!(keep.len() == values.len() && keep.count_set_bits() == kept);
            // A whole vector is written wherever the next value belongs.
            let mut out: Vec<$value> = Vec::with_capacity(kept + $lanes);
            let mut end = 0;
            let (whole, rest) = values.as_chunks::<WORD_ROWS>();
            let mut last = [0; WORD_ROWS];
            last[..rest.len()].copy_from_slice(rest);
            for (rows, mut word) in whole.iter().chain([&last]).zip(keep.bit_chunks().iter_padded()) {
                for lanes in rows.as_chunks::<$lanes>().0 {
                    let mask = word as $mask;
                    // SAFETY: `lanes` is a whole vector; before it at most `kept` values were kept, so that
                    // `end <= kept`, and `out` has room for a vector behind them.
                    unsafe {
                        let vector = _mm512_loadu_si512(lanes.as_ptr().cast());
                        _mm512_storeu_si512(out.as_mut_ptr().add(end).cast(), $compress(mask, vector));
                    }
                    end += mask.count_ones() as usize;
                    word >>= $lanes;
                }
            }
            assert_eq!(end, kept);
            // SAFETY: the first `end` values were written above.
            unsafe { out.set_len(end) };
            out
        }
    };
}

compact!(compact_4, u32, 16, u16, _mm512_maskz_compress_epi32);
compact!(compact_8, u64, 8, u8, _mm512_maskz_compress_epi64);
