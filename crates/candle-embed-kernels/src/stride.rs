//! How far apart the rows of activations lie.

use crate::kernels::Kernels;
use crate::pack::LINE;
use std::mem::size_of;

/// Rows that lie a multiple of this apart share few sets of the first-level cache (64 sets of 64 bytes), which then
/// cannot hold the 14 rows of a tile: a linear layer of 3072 inputs in f32 took 1.25 times as long.
const CONFLICT: usize = 2048;

/// Bytes from one quantised row to the next: whole groups of eight, the most inputs that a step takes on any tier. (Most
/// take four and need no more than that, but the widths of models are multiples of eight anyway.)
pub(crate) fn byte_stride(kernels: &Kernels, columns: usize) -> usize {
    spread(columns.next_multiple_of(8) * kernels.activation_i8)
}

/// Values from one f32 row to the next.
pub(crate) fn float_stride(columns: usize) -> usize {
    spread(columns * size_of::<f32>()) / size_of::<f32>()
}

/// A cache line more where rows would otherwise share their sets.
fn spread(bytes: usize) -> usize {
    if bytes.is_multiple_of(CONFLICT) { bytes + LINE } else { bytes }
}
