//! Int8 by `usmmla`: 2 rows x 8 inputs times 8 inputs x 2 columns, 32 products an instruction where `sdot` has 16.
//!
//! A tile of 8 x 12 has 4 pairs of rows and 6 pairs of columns: 24 accumulators, as in f32. A step has 24 `usmmla` and 14
//! other instructions, 11 of them loads.

use super::Neon;
use crate::bytes::ByteSteps;
use crate::tile::TileArgs;
use std::arch::aarch64::*;
use std::arch::asm;

/// Eight inputs of two rows at a time. Activations are unsigned here, so nothing is subtracted from them.
pub(crate) struct Octets;

// SAFETY: for all blocks in this impl: the trait's contract is that the CPU has i8mm and that pointers cover what they
// are said to.
unsafe impl ByteSteps<Neon<true>> for Octets {
    const DEPTH: usize = 8;
    const ROWS: usize = 2;
    const BIAS: i32 = 0;
    type Left = uint8x16_t;
    type Right = int8x16_t;

    #[inline(always)]
    unsafe fn operands(left: *const u8, right: *const i8) -> (uint8x16_t, int8x16_t) {
        // SAFETY: trait contract.
        unsafe { (vld1q_u8(left), vld1q_s8(right)) }
    }

    #[inline(always)]
    unsafe fn multiply(acc: int32x4_t, left: &uint8x16_t, right: int8x16_t) -> int32x4_t {
        let mut sum = acc;
        // The intrinsic is not stable yet. Not `pure`, nor are the loads: in the order written, a tile of 8 x 12 takes 31
        // registers; left to itself, the compiler moves loads up and spills sums.
        // SAFETY: trait contract.
        unsafe {
            asm!(
                "usmmla {sum:v}.4s, {left:v}.16b, {right:v}.16b",
                sum = inout(vreg) sum, left = in(vreg) *left, right = in(vreg) right,
                options(nomem, nostack, preserves_flags),
            );
        }
        sum
    }

    /// While it sums, the vectors `[2 i][j]` and `[2 i + 1][j]` hold rows `2 i` and `2 i + 1` of two columns each.
    #[inline(always)]
    unsafe fn sums<const ROWS: usize, const VECTORS: usize>(args: &TileArgs, sums: &mut [[int32x4_t; VECTORS]; ROWS]) {
        // SAFETY: eight bytes of ROWS rows, and of four columns a vector, in each of k steps.
        unsafe {
            let mut rows: [*const u8; ROWS] = std::array::from_fn(|i| args.a.add(i * args.a_stride));
            let mut b = args.b.cast::<i8>();
            // The second row of the last pair, where the height is odd.
            let mut absent = [vdupq_n_s32(0); VECTORS];
            for _ in 0..args.k {
                let mut right = [[vdupq_n_s8(0); 2]; VECTORS];
                for (j, pairs) in right.iter_mut().enumerate() {
                    *pairs = [vld1q_s8(b.add(j * 32)), vld1q_s8(b.add(j * 32 + 16))];
                }
                b = b.add(args.b_stride);
                let (pairs, last) = sums.as_chunks_mut::<2>();
                let (row_pairs, last_row) = rows.as_chunks_mut::<2>();
                for ([even, odd], rows) in pairs.iter_mut().zip(row_pairs) {
                    let left = load_pair(rows);
                    for (j, right) in right.iter().enumerate() {
                        even[j] = Self::multiply(even[j], &left, right[0]);
                        odd[j] = Self::multiply(odd[j], &left, right[1]);
                    }
                }
                for (sums, row) in last.iter_mut().zip(last_row) {
                    let left = load_row(row);
                    for (j, right) in right.iter().enumerate() {
                        sums[j] = Self::multiply(sums[j], &left, right[0]);
                        absent[j] = Self::multiply(absent[j], &left, right[1]);
                    }
                }
            }
            let (pairs, last) = sums.as_chunks_mut::<2>();
            for [even, odd] in pairs {
                for (even, odd) in even.iter_mut().zip(odd) {
                    (*even, *odd) = by_row(*even, *odd);
                }
            }
            for sums in last {
                for (sum, absent) in sums.iter_mut().zip(absent) {
                    *sum = by_row(*sum, absent).0;
                }
            }
        }
    }
}

/// The next eight bytes of two rows.
#[inline(always)]
unsafe fn load_pair([first, second]: &mut [*const u8; 2]) -> uint8x16_t {
    let pair: uint8x16_t;
    // SAFETY: the caller vouches for eight bytes of each row.
    unsafe {
        asm!(
            "ldr {pair:d}, [{first}], #8",
            "ld1 {{{pair:v}.d}}[1], [{second}], #8",
            pair = out(vreg) pair, first = inout(reg) *first, second = inout(reg) *second,
            options(readonly, nostack, preserves_flags),
        );
    }
    pair
}

/// The next eight bytes of a row, and eight zeros.
#[inline(always)]
unsafe fn load_row(row: &mut *const u8) -> uint8x16_t {
    let alone: uint8x16_t;
    // SAFETY: the caller vouches for eight bytes.
    unsafe {
        asm!(
            "ldr {alone:d}, [{row}], #8",
            alone = out(vreg) alone, row = inout(reg) *row,
            options(readonly, nostack, preserves_flags),
        );
    }
    alone
}

/// The sums of 2 rows and 2 + 2 columns, row by row.
#[inline(always)]
fn by_row(left: int32x4_t, right: int32x4_t) -> (int32x4_t, int32x4_t) {
    // SAFETY: NEON is part of the aarch64 baseline.
    unsafe {
        let (left, right) = (vreinterpretq_s64_s32(left), vreinterpretq_s64_s32(right));
        (vreinterpretq_s32_s64(vzip1q_s64(left, right)), vreinterpretq_s32_s64(vzip2q_s64(left, right)))
    }
}
