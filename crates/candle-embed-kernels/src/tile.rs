//! The register tiles: `ROWS` rows of activations times one panel of weights, K in one go.
//!
//! Every output element has one accumulator that runs over K from first to last. That order does not depend on the
//! height of the tile or on the row's place in it, which makes results independent of batch and threads, to the bit.

use crate::pack::LINE;
use crate::simd::Simd;

/// What a tile reads and writes. Strides in bytes.
#[derive(Clone, Copy)]
pub(crate) struct TileArgs {
    /// Steps along K: values for f32, groups of [`crate::bytes::ByteSteps::DEPTH`] for int8.
    pub k: usize,
    /// First row of the left side: f32, or u8 in whole groups.
    pub a: *const u8,
    /// From one row of `a` to the next.
    pub a_stride: usize,
    /// The right side: one row of `VECTORS` vectors a step.
    pub b: *const u8,
    /// From one step of `b` to the next.
    pub b_stride: usize,
    /// What will be read next from far away: it is fetched into the second-level cache, a line a
    /// step (two lines a step cost a batch 4 %). A text of one tile is bound by the way its weights come in, and takes
    /// 1.35 times as long in f32 without this.
    pub next: *const u8,
    /// Where the sums go.
    pub c: *mut u8,
    /// From one row of `c` to the next.
    pub c_stride: usize,
}

/// Row offsets for heights up to 14 from seven registers: the odd multiples of the stride; an even row is an odd one
/// shifted, which x86 addressing does for free. Left alone, the compiler keeps 14 row pointers, spills four of them and
/// loads them back in every step.
struct RowOffsets([usize; 7]);

impl RowOffsets {
    #[inline(always)]
    fn new<const ROWS: usize>(stride: usize) -> Self {
        let mut odd = [0usize; 7];
        let mut i = 0;
        while 2 * i + 1 < ROWS {
            odd[i] = unrelated(stride * (2 * i + 1));
            i += 1;
        }
        Self(odd)
    }

    #[inline(always)]
    fn row(&self, row: usize) -> usize {
        if row == 0 {
            return 0;
        }
        let shift = row.trailing_zeros();
        self.0[(row >> shift) / 2] << shift
    }
}

/// Hides from the compiler that offsets are multiples of one number.
#[cfg(not(target_family = "wasm"))]
#[inline(always)]
fn unrelated(mut offset: usize) -> usize {
    // SAFETY: empty.
    unsafe {
        std::arch::asm!("/* {0} */", inout(reg) offset, options(pure, nomem, nostack, preserves_flags));
    }
    offset
}

/// WebAssembly has neither registers nor, in stable Rust, `asm!`; its engine allocates.
#[cfg(target_family = "wasm")]
#[inline(always)]
fn unrelated(offset: usize) -> usize {
    offset
}

/// Steps of K by which the right side is fetched before its use: 5 KB, which also reaches into the next panel. With 16
/// a forward in f32 took 3 to 8 % longer.
const AHEAD: usize = 40;

/// Steps in a round of the loop, since counting and comparing competes with the multipliers for ports. 1 is slower by 2 %
/// (int8, K = 384), 8 by 7 % (f32, K = 384).
const UNROLL: usize = 4;

/// Asks for a cache line, into the first-level cache or the second; any address is allowed.
#[inline(always)]
fn prefetch<const NEAR: bool>(p: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults; SSE is part of x86_64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        if NEAR {
            _mm_prefetch::<_MM_HINT_T0>(p.cast());
        } else {
            _mm_prefetch::<_MM_HINT_T1>(p.cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// Runs `$step(acc, offsets, a, b)` for every step of K, a few a round. A macro, since the compiler does not inline a
/// closure of this size, and its sums would then live in memory.
macro_rules! each_step {
    ($args:expr, $vector:expr, |$a:ident, $b:ident| $step:expr) => {
        let mut $a = $args.a;
        let mut $b = $args.b;
        let mut next = $args.next;
        for _ in 0..$args.k / UNROLL {
            for _ in 0..UNROLL {
                for at in (0..VECTORS * $vector).step_by(LINE) {
                    prefetch::<true>($b.wrapping_add($args.b_stride * AHEAD + at));
                }
                prefetch::<false>(next);
                next = next.wrapping_add(LINE);
                $step;
                $a = $a.wrapping_add(4);
                $b = $b.wrapping_add($args.b_stride);
            }
        }
        for _ in 0..$args.k % UNROLL {
            $step;
            $a = $a.wrapping_add(4);
            $b = $b.wrapping_add($args.b_stride);
        }
    };
}

/// One step of K of a f32 tile: `a` is the first row's value, `b` the right side's row.
///
/// # Safety
///
/// As [`sums_f32`].
#[inline(always)]
unsafe fn step_f32<S: Simd, const ROWS: usize, const VECTORS: usize>(
    acc: &mut [[S::F; VECTORS]; ROWS],
    offsets: &RowOffsets,
    a: *const u8,
    b: *const u8,
) {
    // SAFETY: one value of ROWS rows and VECTORS vectors.
    unsafe {
        let mut right = [S::splat(0.0); VECTORS];
        for (j, r) in right.iter_mut().enumerate() {
            *r = S::load(b.cast::<f32>().add(j * S::LANES));
        }
        for (i, sums) in acc.iter_mut().enumerate() {
            let left = S::splat(a.add(offsets.row(i)).cast::<f32>().read_unaligned());
            for (sum, &r) in sums.iter_mut().zip(&right) {
                *sum = S::fma(left, r, *sum);
            }
        }
    }
}

/// One step of K of an int8 tile, a group.
///
/// # Safety
///
/// As [`sums_i8`].
#[inline(always)]
unsafe fn step_i8<S: Simd, const ROWS: usize, const VECTORS: usize>(
    acc: &mut [[S::I; VECTORS]; ROWS],
    offsets: &RowOffsets,
    a: *const u8,
    b: *const u8,
) {
    // SAFETY: a group of ROWS rows and of VECTORS vectors.
    unsafe {
        let mut right = [S::group_b(b.cast()); VECTORS];
        for (j, r) in right.iter_mut().enumerate().skip(1) {
            *r = S::group_b(b.cast::<i8>().add(j * S::GROUP * S::LANES));
        }
        for (i, sums) in acc.iter_mut().enumerate() {
            let left = S::group_a(a.add(offsets.row(i)));
            for (sum, &r) in sums.iter_mut().zip(&right) {
                *sum = S::dot(*sum, left, r);
            }
        }
    }
}

/// `a * b` in f32, added to `acc`. The rows of `a` are left to the hardware: to fetch the next tile's, a line a step, cost
/// up to 5 %.
///
/// # Safety
///
/// `S` is a tier of this CPU, and the pointers of [`TileArgs`] other than `c` cover the tile's rows, `k` steps and vectors.
#[inline(always)]
pub(crate) unsafe fn sums_f32<S: Simd, const ROWS: usize, const VECTORS: usize>(
    args: &TileArgs,
    acc: &mut [[S::F; VECTORS]; ROWS],
) {
    // SAFETY: the steps stay within k steps of ROWS rows and VECTORS vectors, which the caller vouches for.
    unsafe {
        let offsets = RowOffsets::new::<ROWS>(args.a_stride);
        each_step!(args, S::LANES * 4, |a, b| step_f32::<S, ROWS, VECTORS>(acc, &offsets, a, b));
    }
}

/// `a * b` with u8 on the left, i8 on the right, both in groups, and i32 sums, added to `acc`.
///
/// # Safety
///
/// As [`sums_f32`].
#[inline(always)]
pub(crate) unsafe fn sums_i8<S: Simd, const ROWS: usize, const VECTORS: usize>(
    args: &TileArgs,
    acc: &mut [[S::I; VECTORS]; ROWS],
) {
    // SAFETY: as in `sums_f32`.
    unsafe {
        let offsets = RowOffsets::new::<ROWS>(args.a_stride);
        each_step!(args, S::LANES * S::GROUP, |a, b| step_i8::<S, ROWS, VECTORS>(acc, &offsets, a, b));
    }
}
