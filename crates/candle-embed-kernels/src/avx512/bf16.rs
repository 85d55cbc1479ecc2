//! Attention with products in bf16 (`vdpbf16ps`: two to an f32 sum and lane), for models whose weights and activations
//! are bytes anyway: half of the f32 attention's multiplications, keys and values of half the size.
//!
//! Queries, keys, powers and values are rounded to bf16 (2^-9 of each), sums and softmax are f32. Pairs are along the
//! steps of a product: channels of queries and keys, tokens of powers and values. Everything else is as in
//! [`crate::attend`], the guard of the sums included, and so is what bits depend on.

use crate::attend::{AttendArgs, LOWEST_SCORE, SAFE_SUMS, UNROLL, each_row};
use crate::kernels::Halves;
use crate::simd::Simd;
use std::arch::x86_64::*;
use std::mem::transmute;

type Vectors = super::Avx512<true>;

/// Lanes of a vector, which are also the pairs of a block.
const LANES: usize = 16;

/// Keys, or channels of the values, in a panel.
const PANEL: usize = 2 * LANES;

macro_rules! heights {
    ($($rows:literal)*) => { &[$(attend::<$rows>),*] };
}

/// The kernels for heads of a multiple of 32 channels.
pub(crate) static HALVES: Halves =
    Halves { attend: heights!(1 2 3 4 5 6 7 8 9 10 11 12 13 14), pack_keys, pack_values };

/// Whether bf16 products are faster than f32 ones: twice as fast on AMD (Zen 4), half as fast on Intel's Emerald Rapids,
/// which has AMX for them. By the maker, not by a measurement, so that a machine never changes its mind.
pub(crate) fn pays() -> bool {
    let maker = __cpuid(0);
    let amd = [maker.ebx, maker.edx, maker.ecx] == [b"Auth", b"enti", b"cAMD"].map(|part| u32::from_le_bytes(*part));
    amd && is_x86_feature_detected!("avx512bf16")
}

/// Values 0 to 31 of a row as 16 pairs.
///
/// # Safety
///
/// The CPU has AVX-512 BF16, as for everything here.
#[inline(always)]
unsafe fn pairs(first: __m512, second: __m512) -> __m512i {
    // SAFETY: same contract; both types are 64 bytes of any bits.
    unsafe { transmute(_mm512_cvtne2ps_pbh(second, first)) }
}

/// # Safety
///
/// As [`pairs`].
#[inline(always)]
unsafe fn dot(sum: __m512, left: __m512i, right: __m512i) -> __m512 {
    // SAFETY: same contract; both types are 64 bytes of any bits.
    unsafe { _mm512_dpbf16_ps(sum, transmute::<__m512i, __m512bh>(left), transmute::<__m512i, __m512bh>(right)) }
}

/// `2^v` of scores from [`LOWEST_SCORE`] on, to 7.5e-5 of it, a twenty-fifth of what rounding to bf16 takes from it next. From
/// 2^126 on it stays there, beyond all [`SAFE_SUMS`]; NaN stays NaN.
///
/// The integer part goes into the exponent by additions: `vreduceps` and `vscalefps`, which [`Simd::exp2`] uses, keep both
/// multipliers of a Zen 4 busy for two cycles each.
///
/// # Safety
///
/// As [`pairs`].
#[inline(always)]
unsafe fn exp2(v: __m512) -> __m512 {
    // SAFETY: same contract.
    unsafe {
        let v = _mm512_min_ps(_mm512_set1_ps(126.0), _mm512_max_ps(_mm512_set1_ps(LOWEST_SCORE), v));
        // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
        let round = _mm512_set1_ps(12_582_912.0);
        let rounded = _mm512_add_ps(v, round);
        let f = _mm512_sub_ps(v, _mm512_sub_ps(rounded, round));
        // Of least relative error on [-0.5, 0.5].
        let mut p = _mm512_set1_ps(0.055_171_568);
        for c in [0.242_611_1, 0.693_261, 0.999_928_06] {
            p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(c));
        }
        let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(rounded));
        _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), exponent))
    }
}

/// Keys as `out[panel][pair of channels][key]`; absent keys repeat the last one, or are left as they are in vectors that
/// would have none.
///
/// # Safety
///
/// As [`crate::keys::pack_keys`] for `size` a multiple of 32, with room for half as many values.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16")]
unsafe fn pack_keys(keys: *const f32, stride: usize, count: usize, size: usize, out: *mut f32) {
    let mut rows = [[0.0f32; LANES]; LANES];
    // SAFETY: reads are at keys below `count` and channels below `size`; the rows of a whole block are written.
    unsafe {
        for first in (0..count).step_by(LANES) {
            let here = (count - first).min(LANES);
            let target = out.add(first / PANEL * PANEL * (size / 2) + first % PANEL);
            for channel in (0..size).step_by(PANEL) {
                for (row, values) in rows.iter_mut().enumerate() {
                    let key = keys.add((first + row.min(here - 1)) * stride + channel);
                    let pairs = pairs(_mm512_loadu_ps(key), _mm512_loadu_ps(key.add(LANES)));
                    _mm512_storeu_si512(values.as_mut_ptr().cast(), pairs);
                }
                // It moves 32-bit values, whatever they are.
                Vectors::transpose(rows.as_ptr().cast(), LANES, target.add(channel / 2 * PANEL), PANEL);
            }
        }
    }
}

/// Values as `out[panel][pair of tokens][channel]`; an absent last token is zero.
///
/// # Safety
///
/// As [`crate::keys::pack_values`] for `size` a multiple of 32, with room for `size` pairs of each two tokens.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16")]
unsafe fn pack_values(values: *const f32, stride: usize, count: usize, size: usize, out: *mut f32) {
    let panel = PANEL * count.div_ceil(2);
    // SAFETY: reads are at tokens below `count` and channels below `size`, writes at one place for each pair of them.
    unsafe {
        for token in (0..count).step_by(2) {
            let low = values.add(token * stride);
            let target = out.add(token / 2 * PANEL);
            for channel in (0..size).step_by(LANES) {
                let first = _mm512_loadu_ps(low.add(channel));
                let second =
                    if token + 1 < count { _mm512_loadu_ps(low.add(stride + channel)) } else { _mm512_setzero_ps() };
                let both = pairs(first, second);
                let low = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(both));
                let high = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64::<1>(both));
                let pairs = _mm512_or_si512(low, _mm512_slli_epi32::<16>(high));
                _mm512_storeu_si512(target.add(channel / PANEL * panel + channel % PANEL).cast(), pairs);
            }
        }
    }
}

/// `ROWS` queries against all keys; see [`crate::attend::attend`].
///
/// # Safety
///
/// As [`crate::attend::Attend`], keys and values being pairs, `size` a multiple of 32; `powers` has room for `ROWS / 2 + 1` values a key,
/// keys counted in whole panels.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16")]
unsafe fn attend<const ROWS: usize>(args: &AttendArgs) {
    // SAFETY: rows below ROWS, keys below `count` rounded up to panels, channels below `size`; the rooms cover these.
    unsafe {
        let factor = _mm512_set1_ps(args.factor);
        for at in (0..args.size).step_by(PANEL) {
            let copy = args.queries.add(at / 2 * ROWS);
            each_row!(row => {
                let query = args.query.add(row * args.query_stride + at);
                let first = _mm512_mul_ps(_mm512_loadu_ps(query), factor);
                let second = _mm512_mul_ps(_mm512_loadu_ps(query.add(LANES)), factor);
                _mm512_storeu_si512(copy.add(row * LANES).cast(), pairs(first, second));
            });
        }
        let mut sums = [_mm512_setzero_ps(); ROWS];
        for key in (0..args.count).step_by(PANEL) {
            if args.count - key > LANES {
                powers::<ROWS, 2>(args, key, &mut sums);
            } else {
                powers::<ROWS, 1>(args, key, &mut sums);
            }
        }
        let mut totals = [0.0; ROWS];
        each_row!(row => totals[row] = Vectors::sum(sums[row]));
        let mut inverse = totals.map(|total| 1.0 / total);
        if !totals.iter().fold(true, |safe, total| safe & SAFE_SUMS.contains(total)) {
            for (row, (inverse, total)) in inverse.iter_mut().zip(&totals).enumerate() {
                if !SAFE_SUMS.contains(total) {
                    *inverse = shifted_row(args, row, ROWS);
                }
            }
        }
        for first in (0..args.size).step_by(PANEL) {
            let values = args.values.add(first / PANEL * args.value_panel);
            let sums = product::<ROWS, 2>(args.powers, values, args.count.div_ceil(2));
            for (row, (sums, &inverse)) in sums.iter().zip(&inverse).enumerate() {
                let out = args.out.add(row * args.out_stride + first);
                for (j, &sum) in sums.iter().enumerate() {
                    _mm512_storeu_ps(out.add(j * LANES), _mm512_mul_ps(sum, _mm512_set1_ps(inverse)));
                }
            }
        }
    }
}

/// Powers of the scores of `VECTORS` vectors of keys, into their block and, rounded as they are there, added to the rows'
/// sums. Those of absent keys are zero: the last pair may have one.
#[inline(always)]
unsafe fn powers<const ROWS: usize, const VECTORS: usize>(args: &AttendArgs, key: usize, sums: &mut [__m512; ROWS]) {
    // SAFETY: as in `attend`.
    unsafe {
        let keys = args.keys.add(key * (args.size / 2));
        let mut scores = product::<ROWS, VECTORS>(args.queries, keys, args.size / 2);
        let present: [usize; VECTORS] =
            std::array::from_fn(|j| (args.count - key).saturating_sub(j * LANES).min(LANES));
        if !args.bias.is_null() {
            for (row, scores) in scores.iter_mut().enumerate() {
                for (j, score) in scores.iter_mut().enumerate() {
                    // Where no key is left, it may lie beyond the table, and nothing is read there.
                    let bias = args.bias.wrapping_add(key + j * LANES).wrapping_sub(row);
                    *score = _mm512_add_ps(*score, Vectors::load_head(bias, present[j]));
                }
            }
        }
        let out = args.powers.add(key / 2 * ROWS);
        // 1.0 twice.
        let ones = _mm512_set1_epi32(0x3f80_3f80);
        each_row!(row => {
            let mut powers = [_mm512_setzero_ps(); 2];
            for (j, power) in powers.iter_mut().enumerate().take(VECTORS) {
                *power = Vectors::head_or(exp2(scores[row][j]), present[j], *power);
            }
            let pairs = pairs(powers[0], powers[1]);
            _mm512_storeu_si512(out.add(row * LANES).cast(), pairs);
            sums[row] = dot(sums[row], pairs, ones);
        });
    }
}

/// Sums of `steps` pairs of products: blocks of `left` times rows of `right`. Every sum has one accumulator that runs over
/// the steps from first to last, in every tile.
#[inline(always)]
unsafe fn product<const ROWS: usize, const VECTORS: usize>(
    mut left: *const f32,
    mut right: *const f32,
    steps: usize,
) -> [[__m512; VECTORS]; ROWS] {
    // SAFETY: the caller vouches for blocks of ROWS rows and for VECTORS vectors of each of the steps.
    unsafe {
        let mut acc = [[_mm512_setzero_ps(); VECTORS]; ROWS];
        for _ in 0..steps / LANES {
            for _ in 0..LANES / UNROLL {
                for _ in 0..UNROLL {
                    step::<ROWS, VECTORS>(&mut acc, left, right);
                    left = left.add(1);
                    right = right.wrapping_add(PANEL);
                }
            }
            left = left.add((ROWS - 1) * LANES);
        }
        for _ in 0..steps % LANES {
            step::<ROWS, VECTORS>(&mut acc, left, right);
            left = left.add(1);
            right = right.wrapping_add(PANEL);
        }
        acc
    }
}

#[inline(always)]
unsafe fn step<const ROWS: usize, const VECTORS: usize>(
    acc: &mut [[__m512; VECTORS]; ROWS],
    left: *const f32,
    right: *const f32,
) {
    // SAFETY: as in `product`.
    unsafe {
        let mut vectors = [_mm512_setzero_si512(); VECTORS];
        for (j, vector) in vectors.iter_mut().enumerate() {
            *vector = _mm512_loadu_si512(right.add(j * LANES).cast());
        }
        for (row, sums) in acc.iter_mut().enumerate() {
            let left = _mm512_set1_epi32(left.add(row * LANES).cast::<i32>().read());
            for (sum, &right) in sums.iter_mut().zip(&vectors) {
                *sum = dot(*sum, left, right);
            }
        }
    }
}

/// The powers of one row again, with its maximum subtracted; gives 1 / sum. Scores wait behind the tile's powers.
///
/// # Safety
///
/// As [`attend`] for a tile of `rows > row` rows whose queries are in their blocks.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16")]
unsafe fn shifted_row(args: &AttendArgs, row: usize, rows: usize) -> f32 {
    // SAFETY: as in `attend`.
    unsafe {
        let scores = args.powers.add(args.count.next_multiple_of(PANEL) / 2 * rows);
        let mut largest = _mm512_set1_ps(f32::NEG_INFINITY);
        let vectors = || (0..args.count).step_by(LANES).map(|key| (key, LANES.min(args.count - key)));
        for (key, present) in vectors() {
            let keys = args.keys.add(key / PANEL * PANEL * (args.size / 2) + key % PANEL);
            let mut score = _mm512_setzero_ps();
            for pair in 0..args.size / 2 {
                let query = args.queries.add(pair / LANES * (rows * LANES) + row * LANES + pair % LANES);
                let left = _mm512_set1_epi32(query.cast::<i32>().read());
                score = dot(score, left, _mm512_loadu_si512(keys.add(pair * PANEL).cast()));
            }
            if !args.bias.is_null() {
                score = _mm512_add_ps(score, Vectors::load_head(args.bias.add(key).sub(row), present));
            }
            _mm512_storeu_ps(scores.add(key), score);
            largest = _mm512_max_ps(largest, Vectors::head_or(score, present, largest));
        }
        let largest = _mm512_set1_ps(Vectors::largest(largest));
        let mut sum = _mm512_setzero_ps();
        for key in (0..args.count).step_by(PANEL) {
            let mut powers = [_mm512_setzero_ps(); 2];
            for (j, power) in powers.iter_mut().enumerate() {
                let present = (args.count - key).saturating_sub(j * LANES).min(LANES);
                let score = _mm512_sub_ps(_mm512_loadu_ps(scores.add(key + j * LANES)), largest);
                *power = Vectors::head_or(exp2(score), present, *power);
            }
            let pairs = pairs(powers[0], powers[1]);
            _mm512_storeu_si512(args.powers.add(key / 2 * rows + row * LANES).cast(), pairs);
            sum = dot(sum, pairs, _mm512_set1_epi32(0x3f80_3f80));
        }
        1.0 / Vectors::sum(sum)
    }
}
