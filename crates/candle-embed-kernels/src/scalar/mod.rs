//! Plain Rust, eight lanes as an array: the twin every other tier is tested against, and the fallback elsewhere.

use crate::bytes::Groups;
use crate::kernels::tier;
use crate::simd::Simd;

/// The vectors of this tier.
#[derive(Clone, Copy)]
pub(crate) struct Scalar;

#[inline(always)]
fn map(a: [f32; 8], b: [f32; 8], f: impl Fn(f32, f32) -> f32) -> [f32; 8] {
    std::array::from_fn(|i| f(a[i], b[i]))
}

// SAFETY: no instruction beyond the target's own; the pointer rules are the trait's.
unsafe impl Simd for Scalar {
    type F = [f32; 8];
    type I = [i32; 8];
    type GroupA = [u8; 4];
    type GroupB = [[i8; 4]; 8];

    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: f32) -> [f32; 8] {
        [x; 8]
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> [f32; 8] {
        // SAFETY: trait contract.
        unsafe { p.cast::<[f32; 8]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f32, v: [f32; 8]) {
        // SAFETY: trait contract.
        unsafe { p.cast::<[f32; 8]>().write_unaligned(v) }
    }

    #[inline(always)]
    unsafe fn load_head(p: *const f32, n: usize) -> [f32; 8] {
        // SAFETY: trait contract; only the first `n` are read.
        std::array::from_fn(|i| if i < n { unsafe { *p.add(i) } } else { 0.0 })
    }

    #[inline(always)]
    unsafe fn store_head(p: *mut f32, v: [f32; 8], n: usize) {
        for (i, x) in v.into_iter().enumerate().take(n) {
            // SAFETY: trait contract.
            unsafe { *p.add(i) = x };
        }
    }

    #[inline(always)]
    unsafe fn head_or(v: [f32; 8], n: usize, other: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| if i < n { v[i] } else { other[i] })
    }

    #[inline(always)]
    unsafe fn add(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        map(a, b, |x, y| x + y)
    }

    #[inline(always)]
    unsafe fn sub(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        map(a, b, |x, y| x - y)
    }

    #[inline(always)]
    unsafe fn mul(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        map(a, b, |x, y| x * y)
    }

    #[inline(always)]
    unsafe fn div(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        map(a, b, |x, y| x / y)
    }

    /// Two roundings: without an FMA instruction `mul_add` would call a library function.
    #[inline(always)]
    unsafe fn fma(a: [f32; 8], b: [f32; 8], c: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }

    #[inline(always)]
    unsafe fn max(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        map(a, b, |x, y| if x > y { x } else { y })
    }

    #[inline(always)]
    unsafe fn min(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        map(a, b, |x, y| if x < y { x } else { y })
    }

    #[inline(always)]
    unsafe fn sum(v: [f32; 8]) -> f32 {
        ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))
    }

    #[inline(always)]
    unsafe fn largest(v: [f32; 8]) -> f32 {
        v.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    #[inline(always)]
    unsafe fn smallest(v: [f32; 8]) -> f32 {
        v.into_iter().fold(f32::INFINITY, f32::min)
    }

    #[inline(always)]
    unsafe fn exp2(v: [f32; 8]) -> [f32; 8] {
        v.map(f32::exp2)
    }

    #[inline(always)]
    unsafe fn store_activations(p: *mut u8, v: [f32; 8], n: usize) {
        for (i, x) in v.into_iter().enumerate().take(n) {
            // SAFETY: trait contract.
            unsafe { *p.add(i) = x.round_ties_even() as u8 };
        }
    }

    #[inline(always)]
    unsafe fn int_zero() -> [i32; 8] {
        [0; 8]
    }

    #[inline(always)]
    unsafe fn int_to_f32(v: [i32; 8]) -> [f32; 8] {
        v.map(|x| x as f32)
    }

    #[inline(always)]
    unsafe fn group_a(p: *const u8) -> [u8; 4] {
        // SAFETY: trait contract.
        unsafe { p.cast::<[u8; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn group_b(p: *const i8) -> [[i8; 4]; 8] {
        // SAFETY: trait contract.
        unsafe { p.cast::<[[i8; 4]; 8]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn dot(acc: [i32; 8], a: [u8; 4], b: [[i8; 4]; 8]) -> [i32; 8] {
        std::array::from_fn(|i| (0..4).fold(acc[i], |sum, j| sum + i32::from(a[j]) * i32::from(b[i][j])))
    }
}

tier! {
    mod plain, Scalar, , vectors 1, f32 [1 2 3 4], i8 Groups [1 2 3 4]
}
