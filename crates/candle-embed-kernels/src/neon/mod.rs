//! NEON, with `usmmla`, with `sdot` or without either: tiles of 8 x 12 f32, 24 of the 32 registers as accumulators.

use crate::bytes::Groups;
use crate::kernels::tier;
use crate::simd::Simd;
use i8mm::Octets;
use std::arch::aarch64::*;
use std::arch::asm;

mod i8mm;

/// The vectors of this tier. Both ways to multiply bytes are signed, so activations lose 128 first.
#[derive(Clone, Copy)]
pub(crate) struct Neon<const DOT: bool>;

// SAFETY: for all blocks in this impl: NEON is part of the aarch64 baseline, the parameter says that the CPU has dotprod,
// and the trait's contract is that pointers cover the elements named.
unsafe impl<const DOT: bool> Simd for Neon<DOT> {
    type F = float32x4_t;
    type I = int32x4_t;
    type GroupA = int8x16_t;
    type GroupB = int8x16_t;

    const LANES: usize = 4;
    const GROUP_BIAS: i32 = 128;

    #[inline(always)]
    unsafe fn splat(x: f32) -> float32x4_t {
        // SAFETY: trait contract.
        unsafe { vdupq_n_f32(x) }
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> float32x4_t {
        // SAFETY: trait contract.
        unsafe { vld1q_f32(p) }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f32, v: float32x4_t) {
        // SAFETY: trait contract.
        unsafe { vst1q_f32(p, v) }
    }

    #[inline(always)]
    unsafe fn load_head(p: *const f32, n: usize) -> float32x4_t {
        let mut head = [0.0f32; 4];
        // SAFETY: trait contract; only the first `n` are read.
        unsafe {
            std::ptr::copy_nonoverlapping(p, head.as_mut_ptr(), n);
            vld1q_f32(head.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store_head(p: *mut f32, v: float32x4_t, n: usize) {
        let mut all = [0.0f32; 4];
        // SAFETY: trait contract; only the first `n` are written.
        unsafe {
            vst1q_f32(all.as_mut_ptr(), v);
            std::ptr::copy_nonoverlapping(all.as_ptr(), p, n);
        }
    }

    #[inline(always)]
    unsafe fn head_or(v: float32x4_t, n: usize, other: float32x4_t) -> float32x4_t {
        static LANE: [u32; 4] = [0, 1, 2, 3];
        // SAFETY: trait contract.
        unsafe { vbslq_f32(vcltq_u32(vld1q_u32(LANE.as_ptr()), vdupq_n_u32(n as u32)), v, other) }
    }

    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: trait contract.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: trait contract.
        unsafe { vsubq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: trait contract.
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: trait contract.
        unsafe { vdivq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: trait contract.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    unsafe fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: trait contract.
        unsafe { vmaxq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn min(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: trait contract.
        unsafe { vminq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn sum(v: float32x4_t) -> f32 {
        // SAFETY: trait contract.
        unsafe { vaddvq_f32(v) }
    }

    #[inline(always)]
    unsafe fn largest(v: float32x4_t) -> f32 {
        // SAFETY: trait contract.
        unsafe { vmaxvq_f32(v) }
    }

    #[inline(always)]
    unsafe fn smallest(v: float32x4_t) -> f32 {
        // SAFETY: trait contract.
        unsafe { vminvq_f32(v) }
    }

    /// Nearest integer into the exponent, a Chebyshev fit of 2^f on [-0.5, 0.5] for the rest.
    #[inline(always)]
    unsafe fn exp2(v: float32x4_t) -> float32x4_t {
        // SAFETY: trait contract.
        unsafe {
            let v = vminq_f32(vmaxq_f32(v, vdupq_n_f32(-126.0)), vdupq_n_f32(127.0));
            let whole = vrndnq_f32(v);
            let f = vsubq_f32(v, whole);
            let mut p = vdupq_n_f32(0.001_339_086_3);
            for c in [0.009_676_032, 0.055_503_57, 0.240_221_07, std::f32::consts::LN_2, 1.000_000_1] {
                p = vfmaq_f32(vdupq_n_f32(c), p, f);
            }
            let exponent = vshlq_n_s32::<23>(vcvtq_s32_f32(whole));
            vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(p), exponent))
        }
    }

    #[inline(always)]
    unsafe fn store_activations(p: *mut u8, v: float32x4_t, n: usize) {
        // SAFETY: trait contract; only the first `n` bytes are written.
        unsafe {
            let words = vqmovun_s32(vcvtnq_s32_f32(v));
            let bytes = vqmovn_u16(vcombine_u16(words, words));
            let mut all = [0u8; 8];
            vst1_u8(all.as_mut_ptr(), bytes);
            std::ptr::copy_nonoverlapping(all.as_ptr(), p, n);
        }
    }

    #[inline(always)]
    unsafe fn int_zero() -> int32x4_t {
        // SAFETY: trait contract.
        unsafe { vdupq_n_s32(0) }
    }

    #[inline(always)]
    unsafe fn int_to_f32(v: int32x4_t) -> float32x4_t {
        // SAFETY: trait contract.
        unsafe { vcvtq_f32_s32(v) }
    }

    #[inline(always)]
    unsafe fn group_a(p: *const u8) -> int8x16_t {
        // SAFETY: trait contract.
        unsafe {
            let quad = vreinterpretq_u8_u32(vdupq_n_u32(p.cast::<u32>().read_unaligned()));
            vreinterpretq_s8_u8(veorq_u8(quad, vdupq_n_u8(0x80)))
        }
    }

    #[inline(always)]
    unsafe fn group_b(p: *const i8) -> int8x16_t {
        // SAFETY: trait contract.
        unsafe { vld1q_s8(p) }
    }

    #[inline(always)]
    unsafe fn dot(acc: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
        // SAFETY: trait contract.
        unsafe {
            if DOT {
                // The intrinsic is not stable yet.
                let mut sum = acc;
                asm!(
                    "sdot {sum:v}.4s, {a:v}.16b, {b:v}.16b",
                    sum = inout(vreg) sum, a = in(vreg) a, b = in(vreg) b,
                    options(pure, nomem, nostack, preserves_flags),
                );
                return sum;
            }
            let low = vpaddlq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(b)));
            let high = vpaddlq_s16(vmull_high_s8(a, b));
            vaddq_s32(acc, vpaddq_s32(low, high))
        }
    }
}

tier! {
    mod matrix, Neon<true>,
    #[target_feature(enable = "neon,dotprod,i8mm")],
    vectors 3, f32 [1 2 3 4 5 6 7 8], i8 Octets [1 2 3 4 5 6 7 8]
}

tier! {
    mod dot, Neon<true>,
    #[target_feature(enable = "neon,dotprod")],
    vectors 3, f32 [1 2 3 4 5 6 7 8], i8 Groups [1 2 3 4 5 6 7 8]
}

tier! {
    mod plain, Neon<false>,
    #[target_feature(enable = "neon")],
    vectors 3, f32 [1 2 3 4 5 6 7 8], i8 Groups [1 2 3 4 5 6]
}
