//! AVX2 and FMA, with and without AVX-VNNI: tiles of 6 x 16 f32, 12 of the 16 registers as accumulators.

use crate::bytes::Groups;
use crate::kernels::tier;
use crate::simd::Simd;
use std::arch::asm;
use std::arch::x86_64::*;

/// The vectors of this tier. Without VNNI the int8 products go through `vpmaddwd`, two inputs at a time, with activations that
/// lie as 16 bits in memory and weights widened as they are read.
///
/// `vpmaddubsw` takes four inputs in three instructions and not four, but saturates: 1.6 % of the pairs of neighbouring weights
/// of all-MiniLM-L6-v2 can exceed its 16 bits. Splitting four bytes of both sides into two times 16 bits in registers takes
/// 1.2 times as long on Zen 3.
#[derive(Clone, Copy)]
pub(crate) struct Avx2<const VNNI: bool>;

// SAFETY: for all blocks in this impl: the trait's contract is that the CPU has AVX2 and FMA (and AVX-VNNI where the
// parameter says so) and that pointers cover the elements named.
unsafe impl<const VNNI: bool> Simd for Avx2<VNNI> {
    type F = __m256;
    type I = __m256i;
    type GroupA = __m256i;
    type GroupB = __m256i;

    const LANES: usize = 8;
    const GROUP: usize = if VNNI { 4 } else { 2 };
    const ACTIVATION: usize = if VNNI { 1 } else { 2 };

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
            let v = _mm256_min_ps(_mm256_set1_ps(127.0), _mm256_max_ps(_mm256_set1_ps(-126.0), v));
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
    unsafe fn store_activations(p: *mut u8, v: __m256, n: usize) {
        // SAFETY: trait contract; only the first `n` activations are written.
        unsafe {
            let ints = _mm256_cvtps_epi32(v);
            let words = _mm_packus_epi32(_mm256_castsi256_si128(ints), _mm256_extracti128_si256::<1>(ints));
            if VNNI {
                store_first(p, _mm_packus_epi16(words, words), n);
            } else {
                store_first(p, _mm_min_epi16(words, _mm_set1_epi16(255)), 2 * n);
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
    unsafe fn group_a(p: *const u8) -> __m256i {
        // SAFETY: trait contract.
        unsafe { _mm256_set1_epi32(p.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn group_b(p: *const i8) -> __m256i {
        // SAFETY: trait contract: 32 bytes, or 16.
        unsafe { if VNNI { _mm256_loadu_si256(p.cast()) } else { _mm256_cvtepi8_epi16(_mm_loadu_si128(p.cast())) } }
    }

    #[inline(always)]
    unsafe fn dot(acc: __m256i, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: trait contract.
        unsafe { if VNNI { _mm256_dpbusd_avx_epi32(acc, a, b) } else { add_products(acc, a, b) } }
    }
}

/// Adds the products of pairs of 16 bits to `acc`.
///
/// Not intrinsics: the compiler adds products of several steps to each other before it adds them to their sums, and a tile of
/// 6 x 16 then has half of its registers in memory.
#[inline]
#[target_feature(enable = "avx2")]
fn add_products(acc: __m256i, a: __m256i, b: __m256i) -> __m256i {
    let mut sum = acc;
    // SAFETY: registers only.
    unsafe {
        asm!(
            "vpmaddwd {products}, {a}, {b}",
            "vpaddd {sum}, {sum}, {products}",
            products = out(ymm_reg) _, a = in(ymm_reg) a, b = in(ymm_reg) b, sum = inout(ymm_reg) sum,
            options(nomem, nostack, preserves_flags),
        );
    }
    sum
}

/// Writes the first `n <= 16` bytes.
///
/// # Safety
///
/// The CPU has SSE2, and `p` has room for `n` bytes.
#[inline(always)]
unsafe fn store_first(p: *mut u8, bytes: __m128i, n: usize) {
    // SAFETY: the caller vouches for `n` bytes.
    unsafe {
        match n {
            8 => _mm_storel_epi64(p.cast(), bytes),
            16 => _mm_storeu_si128(p.cast(), bytes),
            _ => {
                let mut all = [0u8; 16];
                _mm_storeu_si128(all.as_mut_ptr().cast(), bytes);
                std::ptr::copy_nonoverlapping(all.as_ptr(), p, n);
            }
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
    vectors 2, f32 [1 2 3 4 5 6], i8 Groups [1 2 3 4 5 6]
}

tier! {
    mod plain, Avx2<false>,
    #[target_feature(enable = "avx2,fma")],
    vectors 2, f32 [1 2 3 4 5 6], i8 Groups [1 2 3 4 5 6]
}
