//! How a tier multiplies bytes: which inputs and rows one instruction takes, and so how weights are packed.

use crate::simd::Simd;
use crate::tile::{TileArgs, sums_i8};

/// The int8 product of a tier: u8 on the left, i8 on the right, exact sums in i32.
///
/// # Safety
///
/// As [`Simd`]: methods may only be called on a CPU that has the tier's instructions.
pub(crate) unsafe trait ByteSteps<S: Simd> {
    /// Inputs of one step along K. Weights are packed in groups of so many, the last one filled up with zeros; rows of
    /// activations are read to the end of their last group, whatever lies there.
    const DEPTH: usize;
    /// Rows that one instruction takes. A tile whose height is no multiple of it costs as much as the next that is.
    const ROWS: usize;
    /// What is subtracted from every activation before it is multiplied.
    const BIAS: i32;
    /// Activations, in the form of the instruction.
    type Left: Copy;
    /// Weights, in the form of the instruction.
    type Right: Copy;

    /// Reads operands, at most 64 bytes each.
    unsafe fn operands(left: *const u8, right: *const i8) -> (Self::Left, Self::Right);

    /// Adds [`ByteSteps::DEPTH`] products to every lane of `acc`; computed anew in every call.
    unsafe fn multiply(acc: S::I, left: &Self::Left, right: Self::Right) -> S::I;

    /// `a * b` of a tile; `sums` are zeros before.
    ///
    /// The pointers of [`TileArgs`] other than `c` cover the tile's rows, `k` steps and vectors.
    unsafe fn sums<const ROWS: usize, const VECTORS: usize>(args: &TileArgs, sums: &mut [[S::I; VECTORS]; ROWS]);
}

/// One group of one row at a time, by [`Simd::dot`].
pub(crate) struct Groups;

// SAFETY: the trait's contract is that of `Simd`.
unsafe impl<S: Simd> ByteSteps<S> for Groups {
    const DEPTH: usize = S::GROUP;
    const ROWS: usize = 1;
    const BIAS: i32 = S::GROUP_BIAS;
    type Left = S::GroupA;
    type Right = S::GroupB;

    #[inline(always)]
    unsafe fn operands(left: *const u8, right: *const i8) -> (S::GroupA, S::GroupB) {
        // SAFETY: 4 bytes, and at most 4 for each of at most 16 lanes.
        unsafe { (S::group_a(left), S::group_b(right)) }
    }

    #[inline(always)]
    unsafe fn multiply(acc: S::I, left: &S::GroupA, right: S::GroupB) -> S::I {
        // SAFETY: registers only.
        unsafe { S::dot(acc, S::anew(left), right) }
    }

    #[inline(always)]
    unsafe fn sums<const ROWS: usize, const VECTORS: usize>(args: &TileArgs, sums: &mut [[S::I; VECTORS]; ROWS]) {
        // SAFETY: same contract.
        unsafe { sums_i8::<S, ROWS, VECTORS>(args, sums) }
    }
}
