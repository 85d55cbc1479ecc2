//! Attention of a few queries of one head: scores, exponentials and sums in registers, then the values.
//!
//! The exponentials are taken of the scores as they are, without the row's maximum: in floating point a common factor
//! of all powers of a row costs no accuracy as long as nothing overflows or vanishes, and so the scores go from the
//! accumulators through `exp2` to memory once, instead of being written, read for the maximum, read again and written
//! again. A row whose sum leaves [`SAFE_SUMS`] is done again with its maximum. That is decided row by row from the row's
//! own sum, so a row's bits depend on its own sequence alone.

use crate::simd::Simd;
use std::ops::RangeInclusive;

/// Sums of powers that were exact enough without the maximum. A term raised to 2^-100 is less than 2^-40 of
/// such a sum, and products with values up to 2^27 do not overflow.
pub(crate) const SAFE_SUMS: RangeInclusive<f32> = 8.673_617_4e-19..=1.267_650_6e30; // 2^-60 to 2^100

/// Scores (times log2(e)) are raised to this: a smaller power is 2^-40 of the smallest safe sum, but it or its product
/// with a value would be denormal, and an operation on those takes a hundred cycles or more.
pub(crate) const LOWEST_SCORE: f32 = -100.0;

/// Steps in a round of the loops over head channels and keys.
pub(crate) const UNROLL: usize = 4;

/// Runs the body for every row of a tile, with a constant row: left to itself the compiler makes a loop of more than ten
/// rows, and puts the accumulators on the stack for it.
macro_rules! each_row {
    ($row:ident => $body:expr) => {
        each_row!($row => $body; 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    ($row:ident => $body:expr; $($number:literal)*) => {
        const { assert!(ROWS <= 14) };
        $(if ROWS > $number {
            let $row = const { if $number < ROWS { $number } else { 0 } };
            $body;
        })*
    };
}
#[cfg(target_arch = "x86_64")]
pub(crate) use each_row;

/// One tile of queries of one head. Strides in elements.
///
/// Queries and powers are kept in blocks `[steps / block][rows][block]`, a block being as many steps as the tier's
/// panels are wide: the rows of a tile are then constant distances apart, and need one register instead of seven.
#[derive(Clone, Copy)]
pub(crate) struct AttendArgs {
    /// First query.
    pub query: *const f32,
    /// From one query to the next.
    pub query_stride: usize,
    /// Channels of the head.
    pub size: usize,
    /// Factor of the scores (1 / sqrt(head size)) times log2(e).
    pub factor: f32,
    /// The keys as `pack_keys` lays them out.
    pub keys: *const f32,
    /// Keys, and values.
    pub count: usize,
    /// Added to the scores, already times log2(e), for the first query and key; null for none.
    pub bias: *const f32,
    /// The values in panels.
    pub values: *const f32,
    /// From one token to the next.
    pub value_stride: usize,
    /// From one panel to the next.
    pub value_panel: usize,
    /// Room for the blocks of the queries.
    pub queries: *mut f32,
    /// Room for the blocks of the powers.
    pub powers: *mut f32,
    /// First output.
    pub out: *mut f32,
    /// From one output row to the next.
    pub out_stride: usize,
    /// [`shifted_row`] of the tier, kept out of the tiles, which are compiled once for each height.
    pub shifted_row: ShiftedRow,
}

/// A compiled tile of one height.
///
/// # Safety
///
/// The CPU has the tier's instructions, and the pointers of [`AttendArgs`] cover the tile's rows, `size` channels and
/// `count` keys; the bias also the queries and keys around its first.
pub(crate) type Attend = unsafe fn(&AttendArgs);

/// Arguments, row, rows of the tile; gives 1 / sum.
type ShiftedRow = unsafe fn(&AttendArgs, usize, usize) -> f32;

/// `ROWS` queries against all keys, `WIDTH` vectors being a panel of the tier.
///
/// # Safety
///
/// As [`Attend`], and `S` is a tier of this CPU.
#[inline(always)]
pub(crate) unsafe fn attend<S: Simd, const ROWS: usize, const WIDTH: usize>(args: &AttendArgs) {
    let block = WIDTH * S::LANES;
    // SAFETY: rows below ROWS, keys below `count` rounded up to panels, channels below `size`; the rooms cover these.
    unsafe {
        copy_queries::<S, ROWS, WIDTH>(args);
        let mut sums = [S::splat(0.0); ROWS];
        for key in (0..args.count).step_by(block) {
            if args.count - key > S::LANES {
                powers::<S, ROWS, WIDTH, WIDTH>(args, key, &mut sums);
            } else {
                powers::<S, ROWS, WIDTH, 1>(args, key, &mut sums);
            }
        }
        let mut totals = [0.0; ROWS];
        each_row!(row => totals[row] = S::sum(sums[row]));
        let mut inverse = totals.map(|total| 1.0 / total);
        if !totals.iter().fold(true, |safe, total| safe & SAFE_SUMS.contains(total)) {
            for (row, (inverse, total)) in inverse.iter_mut().zip(&totals).enumerate() {
                if !SAFE_SUMS.contains(total) {
                    *inverse = (args.shifted_row)(args, row, ROWS);
                }
            }
        }
        for first in (0..args.size).step_by(block) {
            if args.size - first > S::LANES {
                outputs::<S, ROWS, WIDTH, WIDTH>(args, first, &inverse);
            } else {
                outputs::<S, ROWS, WIDTH, 1>(args, first, &inverse);
            }
        }
    }
}

/// The queries, times the factor, into their blocks.
#[inline(always)]
unsafe fn copy_queries<S: Simd, const ROWS: usize, const WIDTH: usize>(args: &AttendArgs) {
    let block = WIDTH * S::LANES;
    // SAFETY: as in `attend`.
    unsafe {
        let factor = S::splat(args.factor);
        let whole = args.size / S::LANES * S::LANES;
        for at in (0..whole).step_by(S::LANES) {
            let copy = args.queries.add(at / block * (ROWS * block) + at % block);
            each_row!(row => {
                let v = S::load(args.query.add(row * args.query_stride + at));
                S::store(copy.add(row * block), S::mul(v, factor));
            });
        }
        if whole < args.size {
            let copy = args.queries.add(whole / block * (ROWS * block) + whole % block);
            for row in 0..ROWS {
                let v = S::load_head(args.query.add(row * args.query_stride + whole), args.size - whole);
                S::store(copy.add(row * block), S::mul(v, factor));
            }
        }
    }
}

/// Powers of the scores of `VECTORS` vectors of keys, into their block and added to the rows' sums.
#[inline(always)]
unsafe fn powers<S: Simd, const ROWS: usize, const WIDTH: usize, const VECTORS: usize>(
    args: &AttendArgs,
    key: usize,
    sums: &mut [S::F; ROWS],
) {
    let block = WIDTH * S::LANES;
    // SAFETY: as in `attend`.
    unsafe {
        let keys = args.keys.add(key * args.size);
        let mut scores = product::<S, ROWS, WIDTH, VECTORS>(args.queries, keys, block, args.size);
        // Present keys of each vector.
        let present: [usize; VECTORS] =
            std::array::from_fn(|j| (args.count - key).saturating_sub(j * S::LANES).min(S::LANES));
        if !args.bias.is_null() {
            for (row, scores) in scores.iter_mut().enumerate() {
                for (j, score) in scores.iter_mut().enumerate() {
                    // Where no key is left, it may lie beyond the table, and nothing is read there.
                    let bias = args.bias.wrapping_add(key + j * S::LANES).wrapping_sub(row);
                    *score = S::add(*score, S::load_head(bias, present[j]));
                }
            }
        }
        let out = args.powers.add(key * ROWS);
        let lowest = S::splat(LOWEST_SCORE);
        each_row!(row => {
            for (j, &score) in scores[row].iter().enumerate() {
                let power = S::exp2(S::max(lowest, score));
                S::store(out.add(row * block + j * S::LANES), power);
                sums[row] = S::add_head(sums[row], power, present[j]);
            }
        });
    }
}

/// `VECTORS` vectors of output columns from `first` on.
#[inline(always)]
unsafe fn outputs<S: Simd, const ROWS: usize, const WIDTH: usize, const VECTORS: usize>(
    args: &AttendArgs,
    first: usize,
    inverse: &[f32; ROWS],
) {
    let block = WIDTH * S::LANES;
    // SAFETY: as in `attend`.
    unsafe {
        let values = args.values.add(first / block * args.value_panel);
        let sums = product::<S, ROWS, WIDTH, VECTORS>(args.powers, values, args.value_stride, args.count);
        for (row, (sums, &inverse)) in sums.iter().zip(inverse).enumerate() {
            let out = args.out.add(row * args.out_stride + first);
            for (j, &sum) in sums.iter().enumerate() {
                let v = S::mul(sum, S::splat(inverse));
                let columns = (args.size - first).saturating_sub(j * S::LANES);
                if columns >= S::LANES {
                    S::store(out.add(j * S::LANES), v);
                } else if columns > 0 {
                    S::store_head(out.add(j * S::LANES), v, columns);
                }
            }
        }
    }
}

/// Sums of `steps` products: blocks of `left` times rows of `right`. Every sum has one accumulator that runs over the
/// steps from first to last, in every tile of the tier.
#[inline(always)]
unsafe fn product<S: Simd, const ROWS: usize, const WIDTH: usize, const VECTORS: usize>(
    mut left: *const f32,
    mut right: *const f32,
    right_stride: usize,
    steps: usize,
) -> [[S::F; VECTORS]; ROWS] {
    let block = WIDTH * S::LANES;
    // SAFETY: the caller vouches for blocks of ROWS rows and for VECTORS vectors of each of the steps.
    unsafe {
        let mut acc = [[S::splat(0.0); VECTORS]; ROWS];
        for _ in 0..steps / block {
            for _ in 0..block / UNROLL {
                for _ in 0..UNROLL {
                    step::<S, ROWS, WIDTH, VECTORS>(&mut acc, left, right);
                    left = left.add(1);
                    right = right.wrapping_add(right_stride);
                }
            }
            left = left.add((ROWS - 1) * block);
        }
        for _ in 0..steps % block {
            step::<S, ROWS, WIDTH, VECTORS>(&mut acc, left, right);
            left = left.add(1);
            right = right.wrapping_add(right_stride);
        }
        acc
    }
}

#[inline(always)]
unsafe fn step<S: Simd, const ROWS: usize, const WIDTH: usize, const VECTORS: usize>(
    acc: &mut [[S::F; VECTORS]; ROWS],
    left: *const f32,
    right: *const f32,
) {
    // SAFETY: as in `product`.
    unsafe {
        let right: [S::F; VECTORS] = std::array::from_fn(|j| S::load(right.add(j * S::LANES)));
        for (row, sums) in acc.iter_mut().enumerate() {
            let left = S::splat(*left.add(row * WIDTH * S::LANES));
            for (sum, &right) in sums.iter_mut().zip(&right) {
                *sum = S::fma(left, right, *sum);
            }
        }
    }
}

/// The powers of one row again, with its maximum subtracted; gives 1 / sum.
///
/// # Safety
///
/// As [`Attend`] for a tile of `rows > row` rows whose queries are in their blocks, and `S` is a tier of this CPU.
#[inline(always)]
pub(crate) unsafe fn shifted_row<S: Simd, const WIDTH: usize>(args: &AttendArgs, row: usize, rows: usize) -> f32 {
    let block = WIDTH * S::LANES;
    // SAFETY: as in `attend`.
    unsafe {
        let query = args.queries.add(row * block);
        let powers = args.powers.add(row * block);
        let vectors = || (0..args.count).step_by(S::LANES).map(|key| (key, S::LANES.min(args.count - key)));
        let place = |key: usize| powers.add(key / block * (rows * block) + key % block);
        // Not the smallest number: where all scores are -inf, their differences have to be NaN.
        let mut largest = S::splat(f32::NEG_INFINITY);
        for (key, present) in vectors() {
            let keys = args.keys.add(key / block * block * args.size + key % block);
            let mut score = S::splat(0.0);
            for k in 0..args.size {
                let left = S::splat(*query.add(k / block * (rows * block) + k % block));
                score = S::fma(left, S::load(keys.add(k * block)), score);
            }
            if !args.bias.is_null() {
                score = S::add(score, S::load_head(args.bias.add(key).sub(row), present));
            }
            S::store(place(key), score);
            largest = S::max(largest, S::head_or(score, present, largest));
        }
        let largest = S::splat(S::largest(largest));
        let mut sum = S::splat(0.0);
        for (key, present) in vectors() {
            let power = S::exp2(S::max(S::splat(LOWEST_SCORE), S::sub(S::load(place(key)), largest)));
            S::store(place(key), power);
            sum = S::add_head(sum, power, present);
        }
        1.0 / S::sum(sum)
    }
}
