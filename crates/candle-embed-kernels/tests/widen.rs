//! Stored rows as f32, against their definitions.

use candle_embed_kernels::{add_to_f64, widen_f16, widen_i8};

#[test]
fn widened_rows_are_the_products() {
    for n in [0, 1, 15, 16, 17, 384] {
        let values: Vec<u8> = (0..n).map(|i| (i * 37) as u8).collect();
        let mut out = vec![0.0; n];
        widen_i8(&values, 0.3, &mut out);
        for (&value, &out) in values.iter().zip(&out) {
            assert_eq!(out, f32::from(value as i8) * 0.3);
        }
    }
}

/// Every finite float16, by its definition: 2^(exponent - 25) times the significand.
#[test]
fn every_float16_is_widened_exactly() {
    let all: Vec<u16> = (0..=u16::MAX).filter(|bits| bits & 0x7c00 != 0x7c00).collect();
    let bytes: Vec<u8> = all.iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let mut out = vec![0.0; all.len()];
    widen_f16(&bytes, &mut out);
    for (&bits, &out) in all.iter().zip(&out) {
        let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
        let significand = if exponent == 0 { fraction } else { 1024.0 + fraction };
        let size = significand * 2f64.powi(exponent.max(1) - 25);
        let expected = if bits & 0x8000 == 0 { size } else { -size };
        assert_eq!(f64::from(out).to_bits(), expected.to_bits(), "{bits:#06x}");
    }
}

#[test]
fn sums_are_those_of_f64() {
    for n in [0, 1, 7, 8, 31, 256] {
        let values: Vec<f32> = (0u16..n).map(|i| 0.1 * f32::from(i) - 3.0).collect();
        let mut sums: Vec<f64> = (0..n).map(|i| 1e8 + f64::from(i)).collect();
        add_to_f64(&values, &mut sums);
        for (i, (&value, &sum)) in (0..n).zip(values.iter().zip(&sums)) {
            assert_eq!(sum, 1e8 + f64::from(i) + f64::from(value));
        }
    }
}
