//! AVX2 and FMA, with and without AVX-VNNI: tiles of 6 x 16 f32, 12 of the 16 registers as accumulators.

use crate::bytes::Quads;
use crate::kernels::tier;
use crate::simd::Simd;
use std::arch::x86_64::*;

/// The vectors of this tier; without VNNI the int8 products go through `vpmaddwd`, which is exact, where the shorter
/// `vpmaddubsw` saturates.
#[derive(Clone, Copy)]
pub(crate) struct Avx2<const VNNI: bool>;

// SAFETY: for all blocks in this impl: the trait's contract is that the CPU has AVX2 and FMA (and AVX-VNNI where the
// parameter says so) and that pointers cover the elements named.
unsafe impl<const VNNI: bool> Simd for Avx2<VNNI> {
    type F = __m256;
    type I = __m256i;
    type QuadA = [__m256i; 2];
    type QuadB = [__m256i; 2];

    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: f32) -> __m256 {
        // SAFETY: trait contract.
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> __m256 {
        // SAFETY: trait contract.
        unsafe { _mm256_loadu_ps(p) }
    }

    #[inline(always)]
    unsafe fn store(p: *mut f32, v: __m256) {
        // SAFETY: trait contract.
        unsafe { _mm256_storeu_ps(p, v) }
    }

    #[inline(always)]
    unsafe fn load_head(p: *const f32, n: usize) -> __m256 {
        // SAFETY: trait contract; masked lanes are not read.
        unsafe { _mm256_maskload_ps(p, head_mask(n)) }
    }

    #[inline(always)]
    unsafe fn store_head(p: *mut f32, v: __m256, n: usize) {
        // SAFETY: trait contract; masked lanes are not written.
        unsafe { _mm256_maskstore_ps(p, head_mask(n), v) }
    }

    #[inline(always)]
    unsafe fn head_or(v: __m256, n: usize, other: __m256) -> __m256 {
        // SAFETY: trait contract.
        unsafe { _mm256_blendv_ps(other, v, _mm256_castsi256_ps(head_mask(n))) }
    }

    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        // SAFETY: trait contract.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: __m256, b: __m256) -> __m256 {
        // SAFETY: trait contract.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        // SAFETY: trait contract.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: __m256, b: __m256) -> __m256 {
        // SAFETY: trait contract.
        unsafe { _mm256_div_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: trait contract.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn max(a: __m256, b: __m256) -> __m256 {
        // SAFETY: trait contract.
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn min(a: __m256, b: __m256) -> __m256 {
        // SAFETY: trait contract.
        unsafe { _mm256_min_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sum(v: __m256) -> f32 {
        // SAFETY: trait contract.
        unsafe {
            let half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
            let pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)))
        }
    }

    #[inline(always)]
    unsafe fn largest(v: __m256) -> f32 {
        // SAFETY: trait contract.
        unsafe {
            let half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
            let pair = _mm_max_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_max_ss(pair, _mm_movehdup_ps(pair)))
        }
    }

    #[inline(always)]
    unsafe fn smallest(v: __m256) -> f32 {
        // SAFETY: trait contract.
        unsafe {
            let half = _mm_min_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
            let pair = _mm_min_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_min_ss(pair, _mm_movehdup_ps(pair)))
        }
    }

    /// Nearest integer into the exponent, a Chebyshev fit of 2^f on [-0.5, 0.5] for the rest.
    #[inline(always)]
    unsafe fn exp2(v: __m256) -> __m256 {
        // SAFETY: trait contract.
        unsafe {
            let v = _mm256_min_ps(_mm256_max_ps(v, _mm256_set1_ps(-126.0)), _mm256_set1_ps(127.0));
            let whole = _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(v);
            let f = _mm256_sub_ps(v, whole);
            let mut p = _mm256_set1_ps(0.001_339_086_3);
            for c in [0.009_676_032, 0.055_503_57, 0.240_221_07, std::f32::consts::LN_2, 1.000_000_1] {
                p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(c));
            }
            let exponent = _mm256_slli_epi32::<23>(_mm256_cvtps_epi32(whole));
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent))
        }
    }

    #[inline(always)]
    unsafe fn store_u8(p: *mut u8, v: __m256, n: usize) {
        // SAFETY: trait contract; only the first `n` bytes are written.
        unsafe {
            let ints = _mm256_cvtps_epi32(v);
            let words = _mm_packus_epi32(_mm256_castsi256_si128(ints), _mm256_extracti128_si256::<1>(ints));
            let bytes = _mm_packus_epi16(words, words);
            if n == 8 {
                _mm_storel_epi64(p.cast(), bytes);
            } else {
                let bytes = _mm_cvtsi128_si64(bytes).to_le_bytes();
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), p, n);
            }
        }
    }

    #[inline(always)]
    unsafe fn int_zero() -> __m256i {
        // SAFETY: trait contract.
        unsafe { _mm256_setzero_si256() }
    }

    #[inline(always)]
    unsafe fn int_to_f32(v: __m256i) -> __m256 {
        // SAFETY: trait contract.
        unsafe { _mm256_cvtepi32_ps(v) }
    }

    #[inline(always)]
    unsafe fn quad_a(p: *const u8) -> [__m256i; 2] {
        // SAFETY: trait contract.
        unsafe {
            let quad = _mm256_set1_epi32(p.cast::<i32>().read_unaligned());
            if VNNI {
                return [quad, quad];
            }
            [_mm256_and_si256(quad, _mm256_set1_epi16(0xff)), _mm256_srli_epi16::<8>(quad)]
        }
    }

    #[inline(always)]
    unsafe fn quad_b(p: *const i8) -> [__m256i; 2] {
        // SAFETY: trait contract.
        unsafe {
            let quads = _mm256_loadu_si256(p.cast());
            if VNNI {
                return [quads, quads];
            }
            [_mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(quads)), _mm256_srai_epi16::<8>(quads)]
        }
    }

    #[inline(always)]
    unsafe fn dot(acc: __m256i, a: [__m256i; 2], b: [__m256i; 2]) -> __m256i {
        // SAFETY: trait contract.
        unsafe {
            if VNNI {
                return _mm256_dpbusd_avx_epi32(acc, a[0], b[0]);
            }
            let even = _mm256_madd_epi16(a[0], b[0]);
            let odd = _mm256_madd_epi16(a[1], b[1]);
            _mm256_add_epi32(acc, _mm256_add_epi32(even, odd))
        }
    }
}

/// All bits of the first `n <= 8` lanes.
#[inline(always)]
fn head_mask(n: usize) -> __m256i {
    /// A window that starts at `8 - n` has `n` ones first.
    static ONES_THEN_ZEROS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    debug_assert!(n <= 8);
    // SAFETY: 8 values from index `8 - n` lie within the 16; only this tier's code calls this, on a CPU with AVX.
    unsafe { _mm256_loadu_si256(ONES_THEN_ZEROS.as_ptr().add(8 - n).cast()) }
}

tier! {
    mod vnni, Avx2<true>,
    #[target_feature(enable = "avx2,fma,avxvnni")],
    vectors 2, f32 [1 2 3 4 5 6], i8 Quads [1 2 3 4 5 6]
}

tier! {
    mod plain, Avx2<false>,
    #[target_feature(enable = "avx2,fma")],
    vectors 2, f32 [1 2 3 4 5 6], i8 Quads [1 2 3 4]
}
