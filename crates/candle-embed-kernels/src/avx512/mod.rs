//! AVX-512 (F, BW, VL, DQ), with and without VNNI and bf16: tiles of 14 x 32 f32, 28 of the 32 registers as accumulators.

use crate::bytes::Groups;
use crate::kernels::{Kernels, tier};
use crate::simd::Simd;
use std::arch::x86_64::*;
use transpose::transpose;

pub(crate) mod bf16;
mod gelu;
mod transpose;

/// The vectors of this tier; without VNNI the int8 products go through `vpmaddwd`, which is exact as well.
#[derive(Clone, Copy)]
pub(crate) struct Avx512<const VNNI: bool>;

// SAFETY: for all blocks in this impl: the trait's contract is that the CPU has AVX-512 F, BW, VL and DQ (and VNNI where
// the parameter says so) and that pointers cover the elements named.
unsafe impl<const VNNI: bool> Simd for Avx512<VNNI> {
    type F = __m512;
    type I = __m512i;
    type GroupA = [__m512i; 2];
    type GroupB = [__m512i; 2];

    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(x: f32) -> __m512 {
        // SAFETY: trait contract.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> __m512 {
        // SAFETY: trait contract.
        unsafe { _mm512_loadu_ps(p) }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f32, v: __m512) {
        // SAFETY: trait contract.
        unsafe { _mm512_storeu_ps(p, v) }
    }

    #[inline(always)]
    unsafe fn load_head(p: *const f32, n: usize) -> __m512 {
        // SAFETY: trait contract; masked lanes are not read.
        unsafe { _mm512_maskz_loadu_ps(head_mask(n), p) }
    }

    #[inline(always)]
    unsafe fn store_head(p: *mut f32, v: __m512, n: usize) {
        // SAFETY: trait contract; masked lanes are not written.
        unsafe { _mm512_mask_storeu_ps(p, head_mask(n), v) }
    }

    #[inline(always)]
    unsafe fn head_or(v: __m512, n: usize, other: __m512) -> __m512 {
        // SAFETY: trait contract.
        unsafe { _mm512_mask_blend_ps(head_mask(n), other, v) }
    }

    #[inline(always)]
    unsafe fn add_head(sum: __m512, v: __m512, n: usize) -> __m512 {
        // SAFETY: trait contract.
        unsafe { _mm512_mask_add_ps(sum, head_mask(n), sum, v) }
    }

    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        // SAFETY: trait contract.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        // SAFETY: trait contract.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        // SAFETY: trait contract.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        // SAFETY: trait contract.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: trait contract.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        // SAFETY: trait contract.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn min(a: __m512, b: __m512) -> __m512 {
        // SAFETY: trait contract.
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sum(v: __m512) -> f32 {
        // SAFETY: trait contract.
        unsafe { _mm512_reduce_add_ps(v) }
    }

    #[inline(always)]
    unsafe fn largest(v: __m512) -> f32 {
        // SAFETY: trait contract.
        unsafe { _mm512_reduce_max_ps(v) }
    }

    #[inline(always)]
    unsafe fn smallest(v: __m512) -> f32 {
        // SAFETY: trait contract.
        unsafe { _mm512_reduce_min_ps(v) }
    }

    /// `vreduceps` gives the fraction above the floor and `vscalefps` scales by the floor: no clamp, no integer detour.
    /// The polynomial is a Chebyshev fit of 2^f on [0, 1).
    #[inline(always)]
    unsafe fn exp2(v: __m512) -> __m512 {
        // SAFETY: trait contract.
        unsafe {
            let f = _mm512_reduce_ps::<0x09>(v);
            let mut p = _mm512_set1_ps(0.001_893_754);
            for c in [0.008_949_591, 0.055_860_337, 0.240_141_82, 0.693_154_5, 0.999_999_9] {
                p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(c));
            }
            _mm512_scalef_ps(p, v)
        }
    }

    #[inline(always)]
    unsafe fn gelu(v: __m512) -> __m512 {
        // SAFETY: trait contract.
        unsafe { gelu::gelu(v) }
    }

    #[inline(always)]
    unsafe fn gelu_for_bytes(v: __m512) -> __m512 {
        // SAFETY: trait contract.
        unsafe { gelu::gelu_coarse(v) }
    }

    #[inline(always)]
    unsafe fn store_activations(p: *mut u8, v: __m512, n: usize) {
        // SAFETY: trait contract; masked lanes are not written.
        unsafe {
            let bytes = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v));
            if n == 16 {
                _mm_storeu_si128(p.cast(), bytes);
            } else {
                _mm_mask_storeu_epi8(p.cast(), head_mask(n), bytes);
            }
        }
    }

    /// Three saturating packs and a permutation, where `vpmovdb` takes two operations a vector.
    #[inline(always)]
    unsafe fn store_activations_four(p: *mut u8, v: [__m512; 4]) {
        // SAFETY: trait contract.
        unsafe {
            let [a, b, c, d] = v.map(|v| _mm512_cvtps_epi32(v));
            let bytes = _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
            // The packs work within quarters: four bytes of each of the four vectors, quarter by quarter.
            let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            _mm512_storeu_si512(p.cast(), _mm512_permutexvar_epi32(order, bytes));
        }
    }

    #[inline(always)]
    unsafe fn int_zero() -> __m512i {
        // SAFETY: trait contract.
        unsafe { _mm512_setzero_si512() }
    }

    #[inline(always)]
    unsafe fn int_to_f32(v: __m512i) -> __m512 {
        // SAFETY: trait contract.
        unsafe { _mm512_cvtepi32_ps(v) }
    }

    #[inline(always)]
    unsafe fn group_a(p: *const u8) -> [__m512i; 2] {
        // SAFETY: trait contract.
        unsafe {
            let quad = _mm512_set1_epi32(p.cast::<i32>().read_unaligned());
            if VNNI {
                return [quad, quad];
            }
            [_mm512_and_si512(quad, _mm512_set1_epi16(0xff)), _mm512_srli_epi16::<8>(quad)]
        }
    }

    #[inline(always)]
    unsafe fn group_b(p: *const i8) -> [__m512i; 2] {
        // SAFETY: trait contract.
        unsafe {
            let quads = _mm512_loadu_si512(p.cast());
            if VNNI {
                return [quads, quads];
            }
            [_mm512_srai_epi16::<8>(_mm512_slli_epi16::<8>(quads)), _mm512_srai_epi16::<8>(quads)]
        }
    }

    #[inline(always)]
    unsafe fn dot(acc: __m512i, a: [__m512i; 2], b: [__m512i; 2]) -> __m512i {
        // SAFETY: trait contract.
        unsafe {
            if VNNI {
                return _mm512_dpbusd_epi32(acc, a[0], b[0]);
            }
            let even = _mm512_madd_epi16(a[0], b[0]);
            let odd = _mm512_madd_epi16(a[1], b[1]);
            _mm512_add_epi32(acc, _mm512_add_epi32(even, odd))
        }
    }

    #[inline(always)]
    unsafe fn anew(a: &[__m512i; 2]) -> [__m512i; 2] {
        // SAFETY: a reference.
        if VNNI { *a } else { unsafe { std::ptr::read_volatile(a) } }
    }

    #[inline(always)]
    unsafe fn transpose(src: *const f32, src_stride: usize, dst: *mut f32, dst_stride: usize) {
        // SAFETY: trait contract: 16 rows of 16 values on both sides.
        unsafe { transpose::<16>(src, src_stride, 16, dst, dst_stride) }
    }

    #[inline(always)]
    unsafe fn transpose_head(src: *const f32, src_stride: usize, rows: usize, dst: *mut f32, dst_stride: usize) {
        // SAFETY: trait contract: `rows` rows of 16 values, 16 rows of 16 values at `dst`.
        unsafe { transpose::<0>(src, src_stride, rows, dst, dst_stride) }
    }
}

/// The mask of the first `n <= 16` lanes.
#[inline(always)]
fn head_mask(n: usize) -> u16 {
    ((1u32 << n) - 1) as u16
}

tier! {
    mod vnni, Avx512<true>,
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")],
    vectors 2, f32 [1 2 3 4 5 6 7 8 9 10 11 12 13 14], i8 Groups [1 2 3 4 5 6 7 8 9 10 11 12 13 14]
}

tier! {
    mod plain, Avx512<false>,
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")],
    vectors 2, f32 [1 2 3 4 5 6 7 8 9 10 11 12 13 14], i8 Groups [1 2 3 4 5 6 7 8]
}

/// The kernels with VNNI, and attention in bf16.
pub(crate) static WITH_BF16: Kernels = Kernels { halves: Some(&bf16::HALVES), ..vnni::TABLE };
