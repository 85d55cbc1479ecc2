//! Row kernels, written once over [`Simd`]: layer norm, quantising.

use crate::activation::Activation;
use crate::pack::MAX_EXACT_COLUMNS;
use crate::simd::Simd;

/// How the sums of one tile become outputs.
#[derive(Clone, Copy)]
pub(crate) struct FinishArgs {
    /// The tile's sums.
    pub sums: *const f32,
    /// Elements from one row of `sums` to the next.
    pub sums_stride: usize,
    /// Rows of the tile.
    pub rows: usize,
    /// Columns to write, at most the panel's.
    pub columns: usize,
    /// Added after the activation, or null.
    pub residual: *const f32,
    /// Elements from one row of `residual` to the next.
    pub residual_stride: usize,
    /// First output.
    pub out: *mut f32,
    /// Elements from one row of `out` to the next.
    pub out_stride: usize,
    /// Applied before the residual.
    pub activation: Activation,
}

/// What the bytes of a quantised row stand for: `value = offset + scale * byte`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RowScale {
    /// Size of one step.
    pub scale: f32,
    /// Value of byte 0, which is the row's minimum.
    pub offset: f32,
    /// The inputs that are not in the bytes, see [`crate::ExactColumn`].
    pub exact: [f32; MAX_EXACT_COLUMNS],
}

/// Sums, minima and maxima of a row run in so many chains: one would wait four cycles for every addition, 96 of the 250
/// cycles of each pass over 384 values.
const CHAINS: usize = 4;

/// One row of layer norm, in place: `(x - mean) / sqrt(variance + eps) * gamma + beta`, two passes as in PyTorch.
///
/// # Safety
///
/// `S` is a tier of this CPU; `row`, `gamma` and `beta` have `n > 0` values.
#[inline(always)]
pub(crate) unsafe fn layer_norm<S: Simd>(row: *mut f32, n: usize, gamma: *const f32, beta: *const f32, eps: f32) {
    // SAFETY: every access is below `n`.
    unsafe {
        let full = n / S::LANES * S::LANES;
        let tail = n - full;
        let zero = S::splat(0.0);
        let mut sums = [zero; CHAINS];
        let mut at = 0;
        while at + CHAINS * S::LANES <= n {
            for sum in &mut sums {
                *sum = S::add(*sum, S::load(row.add(at)));
                at += S::LANES;
            }
        }
        while at < full {
            sums[0] = S::add(sums[0], S::load(row.add(at)));
            at += S::LANES;
        }
        if tail > 0 {
            sums[0] = S::add(sums[0], S::load_head(row.add(full), tail));
        }
        let sum = S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3]));
        let mean = S::splat(S::sum(sum) / n as f32);
        let mut squares = [zero; CHAINS];
        let mut at = 0;
        while at + CHAINS * S::LANES <= n {
            for sum in &mut squares {
                let d = S::sub(S::load(row.add(at)), mean);
                *sum = S::fma(d, d, *sum);
                at += S::LANES;
            }
        }
        while at < full {
            let d = S::sub(S::load(row.add(at)), mean);
            squares[0] = S::fma(d, d, squares[0]);
            at += S::LANES;
        }
        if tail > 0 {
            let d = S::head_or(S::sub(S::load_head(row.add(full), tail), mean), tail, zero);
            squares[0] = S::fma(d, d, squares[0]);
        }
        let squares = S::add(S::add(squares[0], squares[1]), S::add(squares[2], squares[3]));
        let inverse = S::splat(1.0 / (S::sum(squares) / n as f32 + eps).sqrt());
        for at in (0..full).step_by(S::LANES) {
            let d = S::mul(S::sub(S::load(row.add(at)), mean), inverse);
            S::store(row.add(at), S::fma(d, S::load(gamma.add(at)), S::load(beta.add(at))));
        }
        if tail > 0 {
            let d = S::mul(S::sub(S::load_head(row.add(full), tail), mean), inverse);
            let v = S::fma(d, S::load_head(gamma.add(full), tail), S::load_head(beta.add(full), tail));
            S::store_head(row.add(full), v, tail);
        }
    }
}

/// One row to quantise.
#[derive(Clone, Copy)]
pub(crate) struct QuantizeArgs {
    /// The values; those of the exact columns are zero for a moment.
    pub row: *mut f32,
    /// Number of values.
    pub n: usize,
    /// Indices of the exact columns.
    pub exact: *const usize,
    /// Their number, at most [`MAX_EXACT_COLUMNS`].
    pub exact_count: usize,
    /// Receives the bytes, each in [`Simd::ACTIVATION`] bytes.
    pub out: *mut u8,
}

/// Quantises one row to bytes over its own range, the exact columns taken as zero.
///
/// # Safety
///
/// `S` is a tier of this CPU; the pointers cover `n > 0` elements; the exact columns are below `n` and nothing else
/// touches the row meanwhile.
#[inline(always)]
pub(crate) unsafe fn quantize<S: Simd>(args: &QuantizeArgs) -> RowScale {
    // SAFETY: same contract.
    unsafe {
        let mut exact = [0.0; MAX_EXACT_COLUMNS];
        for (at, value) in exact.iter_mut().enumerate().take(args.exact_count) {
            *value = args.row.add(*args.exact.add(at)).replace(0.0);
        }
        let (scale, offset) = quantize_values::<S>(args);
        for (at, value) in exact.iter().enumerate().take(args.exact_count) {
            *args.row.add(*args.exact.add(at)) = *value;
        }
        RowScale { scale, offset, exact }
    }
}

/// Step and offset of the row's bytes. The step of a row with a value that is not finite is NaN, and with it all that is
/// computed from the row.
#[inline(always)]
unsafe fn quantize_values<S: Simd>(args: &QuantizeArgs) -> (f32, f32) {
    // SAFETY: every access is below `n`.
    unsafe {
        let n = args.n;
        let full = n / S::LANES * S::LANES;
        let tail = n - full;
        let row = args.row.cast_const();
        let mut low = [S::splat(f32::INFINITY); CHAINS];
        let mut high = [S::splat(f32::NEG_INFINITY); CHAINS];
        // Sums of the values times zero: NaN where one is NaN or infinite, which minima, maxima and bytes would lose.
        let zero = S::splat(0.0);
        let mut zeros = [zero; CHAINS];
        let mut at = 0;
        while at + CHAINS * S::LANES <= n {
            for ((low, high), zeros) in low.iter_mut().zip(&mut high).zip(&mut zeros) {
                let v = S::load(row.add(at));
                *low = S::min(*low, v);
                *high = S::max(*high, v);
                *zeros = S::fma(v, zero, *zeros);
                at += S::LANES;
            }
        }
        while at < full {
            let v = S::load(row.add(at));
            low[0] = S::min(low[0], v);
            high[0] = S::max(high[0], v);
            zeros[0] = S::fma(v, zero, zeros[0]);
            at += S::LANES;
        }
        if tail > 0 {
            let v = S::load_head(row.add(full), tail);
            low[1] = S::min(low[1], S::head_or(v, tail, low[1]));
            high[1] = S::max(high[1], S::head_or(v, tail, high[1]));
            zeros[1] = S::fma(v, zero, zeros[1]);
        }
        let low = S::min(S::min(low[0], low[1]), S::min(low[2], low[3]));
        let high = S::max(S::max(high[0], high[1]), S::max(high[2], high[3]));
        let zeros = S::add(S::add(zeros[0], zeros[1]), S::add(zeros[2], zeros[3]));
        let offset = S::smallest(low);
        let range = S::largest(high) - offset + S::sum(zeros);
        // A constant row has no range: all bytes 0, the offset carries the value.
        let inverse = if range > 0.0 { 255.0 / range } else { 0.0 };
        let factor = S::splat(inverse);
        let first = S::splat(offset);
        // Subtracting first is exact enough that neither end leaves 0 to 255 by a rounding.
        let byte = |at: usize| S::mul(S::sub(S::load(row.add(at)), first), factor);
        let fours = full / (4 * S::LANES) * (4 * S::LANES);
        for at in (0..fours).step_by(4 * S::LANES) {
            let four = [byte(at), byte(at + S::LANES), byte(at + 2 * S::LANES), byte(at + 3 * S::LANES)];
            S::store_activations_four(args.out.add(at * S::ACTIVATION), four);
        }
        for at in (fours..full).step_by(S::LANES) {
            S::store_activations(args.out.add(at * S::ACTIVATION), byte(at), S::LANES);
        }
        if tail > 0 {
            let v = S::head_or(S::mul(S::sub(S::load_head(row.add(full), tail), first), factor), tail, S::splat(0.0));
            S::store_activations(args.out.add(full * S::ACTIVATION), v, tail);
        }
        (range / 255.0, offset)
    }
}
