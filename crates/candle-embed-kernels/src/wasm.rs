//! WebAssembly's 128-bit vectors: tiles of 6 x 8 f32, 12 of the 16 registers that x86 has for them as accumulators.
//!
//! There is no fused multiply-add and no instruction of rounding freedom (relaxed SIMD), so a module gives the same bits
//! in every engine and on every CPU.

use crate::bytes::Groups;
use crate::kernels::tier;
use crate::simd::Simd;
use std::arch::wasm32::*;

/// Added to a number of less than 2^22 it leaves the nearest integer in the low bits.
const ROUNDER: f32 = 12_582_912.0;

/// The vectors of this tier.
#[derive(Clone, Copy)]
pub(crate) struct Simd128;

// SAFETY: for all blocks in this impl: an engine that has compiled this module has its instructions, and the trait's
// contract is that pointers cover the elements named.
unsafe impl Simd for Simd128 {
    type F = v128;
    /// Two halves of every sum, added when it becomes a float: `i32x4_dot_i16x8` adds neighbours only, and four products
    /// a lane are two neighbours.
    type I = [v128; 2];
    type GroupA = v128;
    type GroupB = [v128; 2];

    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> v128 {
        f32x4_splat(x)
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> v128 {
        // SAFETY: trait contract.
        unsafe { v128_load(p.cast()) }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f32, v: v128) {
        // SAFETY: trait contract.
        unsafe { v128_store(p.cast(), v) }
    }

    #[inline(always)]
    unsafe fn load_head(p: *const f32, n: usize) -> v128 {
        let mut head = [0.0f32; 4];
        // SAFETY: trait contract; only the first `n` are read.
        unsafe {
            std::ptr::copy_nonoverlapping(p, head.as_mut_ptr(), n);
            v128_load(head.as_ptr().cast())
        }
    }

    #[inline(always)]
    unsafe fn store_head(p: *mut f32, v: v128, n: usize) {
        let mut all = [0.0f32; 4];
        // SAFETY: trait contract; only the first `n` are written.
        unsafe {
            v128_store(all.as_mut_ptr().cast(), v);
            std::ptr::copy_nonoverlapping(all.as_ptr(), p, n);
        }
    }

    #[inline(always)]
    unsafe fn head_or(v: v128, n: usize, other: v128) -> v128 {
        v128_bitselect(v, other, u32x4_lt(u32x4(0, 1, 2, 3), u32x4_splat(n as u32)))
    }

    #[inline(always)]
    unsafe fn add(a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }

    #[inline(always)]
    unsafe fn sub(a: v128, b: v128) -> v128 {
        f32x4_sub(a, b)
    }

    #[inline(always)]
    unsafe fn mul(a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }

    #[inline(always)]
    unsafe fn div(a: v128, b: v128) -> v128 {
        f32x4_div(a, b)
    }

    #[inline(always)]
    unsafe fn fma(a: v128, b: v128, c: v128) -> v128 {
        f32x4_add(f32x4_mul(a, b), c)
    }

    /// `pmax` and `pmin` are one instruction on x86; `max` and `min` have rules for NaN and -0 that take eight. They give their
    /// first operand where either is NaN.
    #[inline(always)]
    unsafe fn max(a: v128, b: v128) -> v128 {
        f32x4_pmax(b, a)
    }

    #[inline(always)]
    unsafe fn min(a: v128, b: v128) -> v128 {
        f32x4_pmin(b, a)
    }

    #[inline(always)]
    unsafe fn sum(v: v128) -> f32 {
        let pairs = f32x4_add(v, i32x4_shuffle::<2, 3, 0, 1>(v, v));
        f32x4_extract_lane::<0>(pairs) + f32x4_extract_lane::<1>(pairs)
    }

    #[inline(always)]
    unsafe fn largest(v: v128) -> f32 {
        let pairs = f32x4_pmax(v, i32x4_shuffle::<2, 3, 0, 1>(v, v));
        f32x4_extract_lane::<0>(pairs).max(f32x4_extract_lane::<1>(pairs))
    }

    #[inline(always)]
    unsafe fn smallest(v: v128) -> f32 {
        let pairs = f32x4_pmin(v, i32x4_shuffle::<2, 3, 0, 1>(v, v));
        f32x4_extract_lane::<0>(pairs).min(f32x4_extract_lane::<1>(pairs))
    }

    /// Nearest integer into the exponent, a Chebyshev fit of 2^f on [-0.5, 0.5] for the rest.
    #[inline(always)]
    unsafe fn exp2(v: v128) -> v128 {
        // SAFETY: registers only.
        unsafe {
            let v = Self::min(f32x4_splat(127.0), Self::max(f32x4_splat(-126.0), v));
            let rounded = f32x4_add(v, f32x4_splat(ROUNDER));
            let f = f32x4_sub(v, f32x4_sub(rounded, f32x4_splat(ROUNDER)));
            let mut p = f32x4_splat(0.001_339_086_3);
            for c in [0.009_676_032, 0.055_503_57, 0.240_221_07, std::f32::consts::LN_2, 1.000_000_1] {
                p = Self::fma(p, f, f32x4_splat(c));
            }
            // The rounder's own bits are shifted out.
            i32x4_add(p, i32x4_shl(rounded, 23))
        }
    }

    #[inline(always)]
    unsafe fn store_activations(p: *mut u8, v: v128, n: usize) {
        let words = integers(v);
        let halves = i16x8_narrow_i32x4(words, words);
        let bytes = i32x4_extract_lane::<0>(u8x16_narrow_i16x8(halves, halves)).to_le_bytes();
        // SAFETY: trait contract; only the first `n` bytes are written.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), p, n) };
    }

    #[inline(always)]
    unsafe fn store_activations_four(p: *mut u8, v: [v128; 4]) {
        let [a, b, c, d] = v.map(integers);
        let bytes = u8x16_narrow_i16x8(i16x8_narrow_i32x4(a, b), i16x8_narrow_i32x4(c, d));
        // SAFETY: trait contract.
        unsafe { v128_store(p.cast(), bytes) };
    }

    #[inline(always)]
    unsafe fn int_zero() -> [v128; 2] {
        [i32x4_splat(0); 2]
    }

    #[inline(always)]
    unsafe fn int_to_f32([low, high]: [v128; 2]) -> v128 {
        let even = i32x4_shuffle::<0, 2, 4, 6>(low, high);
        let odd = i32x4_shuffle::<1, 3, 5, 7>(low, high);
        f32x4_convert_i32x4(i32x4_add(even, odd))
    }

    #[inline(always)]
    unsafe fn group_a(p: *const u8) -> v128 {
        // SAFETY: trait contract.
        unsafe { i16x8_extend_low_u8x16(v128_load32_splat(p.cast())) }
    }

    #[inline(always)]
    unsafe fn group_b(p: *const i8) -> [v128; 2] {
        // SAFETY: trait contract.
        unsafe { [i16x8_load_extend_i8x8(p), i16x8_load_extend_i8x8(p.add(8))] }
    }

    #[inline(always)]
    unsafe fn dot([low, high]: [v128; 2], a: v128, [b_low, b_high]: [v128; 2]) -> [v128; 2] {
        [i32x4_add(low, i32x4_dot_i16x8(a, b_low)), i32x4_add(high, i32x4_dot_i16x8(a, b_high))]
    }
}

/// The nearest integers of numbers below 2^22. Conversions of WebAssembly saturate, which takes x86 several instructions.
#[inline(always)]
fn integers(v: v128) -> v128 {
    i32x4_sub(f32x4_add(v, f32x4_splat(ROUNDER)), f32x4_splat(ROUNDER))
}

tier! {
    mod simd128, Simd128,
    #[target_feature(enable = "simd128")],
    vectors 2, f32 [1 2 3 4 5 6], i8 Groups [1 2 3]
}
