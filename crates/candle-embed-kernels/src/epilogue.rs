//! Tiles of linear layers: what becomes of the sums while they are in registers, and the pass behind them.
//!
//! A tile adds bias (int8: scales, offsets, exact columns) and residual to its sums and writes outputs, without a buffer in
//! between. Only where there is an activation, or a panel with fewer columns than the others, does it write a
//! buffer, and [`finish`] the outputs.

use crate::activation::{Activation, Apply, Gelu, GeluForBytes, GeluTanh, Identity, Relu, Silu};
use crate::bytes::ByteSteps;
use crate::rows::{FinishArgs, RowScale};
use crate::simd::Simd;
use crate::tile::{TileArgs, sums_f32};

/// What a linear tile reads and writes.
#[derive(Clone, Copy)]
pub(crate) struct LinearTileArgs {
    /// The product; `c` are the outputs, `c_stride` bytes from row to row.
    pub tile: TileArgs,
    /// Bias of the panel, padded to its width.
    pub bias: *const f32,
    /// int8: scale of each column's weights, padded.
    pub weight_scale: *const f32,
    /// int8: `weight_scale` times the sum of the column's weights, padded.
    pub weight_sum: *const f32,
    /// int8: what each row's bytes stand for.
    pub row_scale: *const RowScale,
    /// int8: number of exact columns.
    pub exact_count: usize,
    /// int8: weights of the exact columns.
    pub exact: *const f32,
    /// Elements from one row of `exact` to the next.
    pub exact_stride: usize,
    /// int8: room for as many f32 as the tile has sums, for the time of the call; at the start of a cache line.
    pub room: *mut f32,
    /// Added last, or null.
    pub residual: *const f32,
    /// Elements from one row of `residual` to the next.
    pub residual_stride: usize,
}

/// A compiled linear tile of one height.
///
/// # Safety
///
/// The CPU has the tier's instructions, and the pointers of [`LinearTileArgs`] cover the tile's rows, `k` steps and
/// vectors.
pub(crate) type LinearTile = unsafe fn(&LinearTileArgs);

/// `c = a * b + bias + residual` in f32.
///
/// # Safety
///
/// As [`LinearTile`], and `S` is a tier of this CPU.
#[inline(always)]
pub(crate) unsafe fn linear_f32<S: Simd, const ROWS: usize, const VECTORS: usize>(args: &LinearTileArgs) {
    // SAFETY: the caller vouches for ROWS rows and VECTORS vectors.
    unsafe {
        let mut acc = [[S::splat(0.0); VECTORS]; ROWS];
        sums_f32::<S, ROWS, VECTORS>(&args.tile, &mut acc);
        for sums in &mut acc {
            for (j, sum) in sums.iter_mut().enumerate() {
                *sum = S::add(*sum, S::load(args.bias.add(j * S::LANES)));
            }
        }
        write::<S, ROWS, VECTORS>(args, &acc);
    }
}

/// Writes the body out for every row: a loop of this size is not unrolled, and its sums live in memory then (3 times as
/// long).
macro_rules! each_row {
    ($rows:ident, |$i:ident| $body:block) => {
        each_row!($rows, $i, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    ($rows:ident, $i:ident, $body:block, $($row:literal)*) => {
        const { assert!($rows <= 14) };
        $(if $row < $rows {
            let $i = $row;
            $body
        })*
    };
}

/// `c = row_scale * (a * b) * weight_scale + bias + residual` with u8 on the left and i8 on the right, where the bytes are
/// above the row's offset, and exact columns are added in f32.
///
/// # Safety
///
/// As [`LinearTile`], and `S` is a tier of this CPU.
#[inline(always)]
pub(crate) unsafe fn linear_i8<S: Simd, B: ByteSteps<S>, const ROWS: usize, const VECTORS: usize>(
    args: &LinearTileArgs,
) {
    // SAFETY: the caller vouches for ROWS rows and VECTORS vectors.
    unsafe {
        float_part::<S, ROWS, VECTORS>(args, B::BIAS as f32);
        let mut sums = [[S::int_zero(); VECTORS]; ROWS];
        B::sums::<ROWS, VECTORS>(&args.tile, &mut sums);
        let mut weight_scale = [S::splat(0.0); VECTORS];
        for (j, scale) in weight_scale.iter_mut().enumerate() {
            *scale = S::load(args.weight_scale.add(j * S::LANES));
        }
        each_row!(ROWS, |i| {
            let out = args.tile.c.add(i * args.tile.c_stride).cast::<f32>();
            let floats = args.room.add(i * VECTORS * S::LANES);
            let step = S::splat((*args.row_scale.add(i)).scale);
            for j in 0..VECTORS {
                let at = j * S::LANES;
                let scale = S::mul(step, weight_scale[j]);
                S::store(out.add(at), S::fma(S::int_to_f32(sums[i][j]), scale, S::load(floats.add(at))));
            }
        });
    }
}

/// What the outputs of an int8 tile have besides the products of bytes: bias, the rows' offsets, exact columns, residual.
///
/// It comes before the products, while there are registers for all rows at once, and waits in [`LinearTileArgs::room`]: behind
/// them it read each vector of weights again for each row, and the loads took a tenth of a tile of 384 inputs.
///
/// # Safety
///
/// As [`LinearTile`], and `S` is a tier of this CPU.
#[inline(always)]
unsafe fn float_part<S: Simd, const ROWS: usize, const VECTORS: usize>(args: &LinearTileArgs, byte_bias: f32) {
    // SAFETY: the caller vouches for ROWS rows, VECTORS vectors and the exact columns.
    unsafe {
        let mut values = [[S::splat(0.0); VECTORS]; ROWS];
        let mut right = [S::splat(0.0); VECTORS];
        let mut bias = [S::splat(0.0); VECTORS];
        for j in 0..VECTORS {
            right[j] = S::load(args.weight_sum.add(j * S::LANES));
            bias[j] = S::load(args.bias.add(j * S::LANES));
        }
        each_row!(ROWS, |i| {
            let row = args.row_scale.add(i);
            let mut offset = (*row).offset;
            if byte_bias != 0.0 {
                offset += (*row).scale * byte_bias;
            }
            let offset = S::splat(offset);
            for j in 0..VECTORS {
                values[i][j] = S::fma(offset, right[j], bias[j]);
            }
        });
        let mut weights = args.exact;
        let mut left = (&raw const (*args.row_scale).exact).cast::<f32>();
        for _ in 0..args.exact_count {
            for (j, right) in right.iter_mut().enumerate() {
                *right = S::load(weights.add(j * S::LANES));
            }
            each_row!(ROWS, |i| {
                let left = S::splat(*left.byte_add(i * size_of::<RowScale>()));
                for j in 0..VECTORS {
                    values[i][j] = S::fma(left, right[j], values[i][j]);
                }
            });
            weights = weights.wrapping_add(args.exact_stride);
            left = left.add(1);
        }
        if !args.residual.is_null() {
            each_row!(ROWS, |i| {
                let residual = args.residual.add(i * args.residual_stride);
                for (j, value) in values[i].iter_mut().enumerate() {
                    *value = S::add(*value, S::load(residual.add(j * S::LANES)));
                }
            });
        }
        each_row!(ROWS, |i| {
            for (j, &value) in values[i].iter().enumerate() {
                S::store(args.room.add((i * VECTORS + j) * S::LANES), value);
            }
        });
    }
}

/// # Safety
///
/// As [`LinearTile`].
#[inline(always)]
unsafe fn write<S: Simd, const ROWS: usize, const VECTORS: usize>(
    args: &LinearTileArgs,
    acc: &[[S::F; VECTORS]; ROWS],
) {
    // SAFETY: ROWS rows of VECTORS vectors.
    unsafe {
        let mut out = args.tile.c.cast::<f32>();
        if args.residual.is_null() {
            for sums in acc {
                for (j, &sum) in sums.iter().enumerate() {
                    S::store(out.add(j * S::LANES), sum);
                }
                out = out.wrapping_byte_add(args.tile.c_stride);
            }
            return;
        }
        let mut residual = args.residual;
        for sums in acc {
            for (j, &sum) in sums.iter().enumerate() {
                let at = j * S::LANES;
                S::store(out.add(at), S::add(sum, S::load(residual.add(at))));
            }
            out = out.wrapping_byte_add(args.tile.c_stride);
            residual = residual.wrapping_add(args.residual_stride);
        }
    }
}

/// Turns what a tile left in the buffer into outputs: activation, then residual.
///
/// # Safety
///
/// `S` is a tier of this CPU, and the pointers of [`FinishArgs`] cover its rows and columns.
#[inline(always)]
pub(crate) unsafe fn finish<S: Simd, const VECTORS: usize>(args: &FinishArgs) {
    // SAFETY: same contract.
    unsafe {
        match args.activation {
            Activation::Identity => finish_with::<S, Identity, VECTORS>(args),
            Activation::Gelu => finish_with::<S, Gelu, VECTORS>(args),
            Activation::GeluForBytes => finish_with::<S, GeluForBytes, VECTORS>(args),
            Activation::GeluTanh => finish_with::<S, GeluTanh, VECTORS>(args),
            Activation::Relu => finish_with::<S, Relu, VECTORS>(args),
            Activation::Silu => finish_with::<S, Silu, VECTORS>(args),
        }
    }
}

#[inline(always)]
unsafe fn finish_with<S: Simd, A: Apply, const VECTORS: usize>(args: &FinishArgs) {
    // SAFETY: every access is at a row below `rows` and a column below `columns`.
    unsafe {
        let full = args.columns / S::LANES * S::LANES;
        let plain = args.residual.is_null();
        let (mut sums, mut out, mut residual) = (args.sums, args.out, args.residual);
        for _ in 0..args.rows {
            if plain && full == VECTORS * S::LANES {
                for j in 0..VECTORS {
                    S::store(out.add(j * S::LANES), A::apply::<S>(S::load(sums.add(j * S::LANES))));
                }
            } else {
                for first in (0..full).step_by(S::LANES) {
                    let mut v = A::apply::<S>(S::load(sums.add(first)));
                    if !plain {
                        v = S::add(v, S::load(residual.add(first)));
                    }
                    S::store(out.add(first), v);
                }
                let width = args.columns - full;
                if width > 0 {
                    let mut v = A::apply::<S>(S::load(sums.add(full)));
                    if !plain {
                        v = S::add(v, S::load_head(residual.add(full), width));
                    }
                    S::store_head(out.add(full), v, width);
                }
            }
            sums = sums.wrapping_add(args.sums_stride);
            out = out.wrapping_add(args.out_stride);
            residual = residual.wrapping_add(args.residual_stride);
        }
    }
}
