//! The compiled kernels of a tier, as a table of functions.

use crate::attend::{Attend, AttendArgs};
use crate::epilogue::LinearTile;
use crate::gate::GateArgs;
use crate::rotary::RotateArgs;
use crate::rows::{FinishArgs, QuantizeArgs, RowScale};
use crate::widen::WidenArgs;

/// The kernels of one tier. Calling any of them is unsafe in two ways: the CPU must have the tier (true for every table
/// that [`crate::Isa::kernels`] hands out on this machine), and the pointers must cover what the arguments say.
pub(crate) struct Kernels {
    /// Columns of a weight panel.
    pub panel: usize,
    /// Tiles of f32 linear layers by height, a panel wide.
    pub linear_f32: &'static [LinearTile],
    /// Tiles of int8 linear layers by height, a panel wide.
    pub linear_i8: &'static [LinearTile],
    /// Inputs of a step of an int8 tile: weights are packed in groups of so many.
    pub depth_i8: usize,
    /// Bytes in which an activation of an int8 layer lies.
    pub activation_i8: usize,
    /// Rows that an int8 tile multiplies together.
    pub rows_i8: usize,
    pub finish: unsafe fn(&FinishArgs),
    /// Attention by the number of queries.
    pub attend: &'static [Attend],
    pub shifted_row: unsafe fn(&AttendArgs, usize, usize) -> f32,
    pub gate: unsafe fn(&GateArgs),
    pub rotate: unsafe fn(&RotateArgs),
    pub layer_norm: unsafe fn(*mut f32, usize, *const f32, *const f32, f32),
    pub quantize: unsafe fn(&QuantizeArgs) -> RowScale,
    pub widen: unsafe fn(&WidenArgs),
    pub widen_f16: unsafe fn(*const u8, usize, *mut f32),
    pub add_to_f64: unsafe fn(*const f32, usize, *mut f64),
    pub pack_keys: unsafe fn(*const f32, usize, usize, usize, usize, *mut f32),
    pub pack_values: unsafe fn(*const f32, usize, usize, usize, usize, *mut f32),
    pub probe_f32: unsafe fn(usize) -> u64,
    pub probe_i8: unsafe fn(usize) -> u64,
    /// Attention with products in bf16, where those are faster.
    pub halves: Option<&'static Halves>,
}

/// Attention whose packed queries, keys, powers and values are pairs of bf16, each pair in the place of an f32. Panels are
/// as wide as the tier's, head sizes multiples of that.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no tier elsewhere has them"))]
pub(crate) struct Halves {
    /// Attention by the number of queries.
    pub attend: &'static [Attend],
    pub pack_keys: unsafe fn(*const f32, usize, usize, usize, *mut f32),
    pub pack_values: unsafe fn(*const f32, usize, usize, usize, *mut f32),
}

/// Compiles the generic kernels for one tier: `mod name` with a static `KERNELS`.
macro_rules! tier {
    (
        mod $name:ident, $simd:ty, $(#[$feature:meta])?, vectors $vectors:literal,
        f32 [$($height:literal)*], i8 $bytes:ident [$($height_i8:literal)*]
    ) => {
        #[doc = concat!("Compiled kernels: `", stringify!($simd), "`.")]
        pub(crate) mod $name {
            use super::*;
            use crate::attend::{self, AttendArgs};
            use crate::bytes::ByteSteps;
            use crate::epilogue::{self, LinearTileArgs};
            use crate::gate::{self, GateArgs};
            use crate::kernels::Kernels;
            use crate::keys;
            use crate::probe;
            use crate::rotary::{self, RotateArgs};
            use crate::rows::{self, FinishArgs, QuantizeArgs, RowScale};
            use crate::widen::{self, WidenArgs};

            $(#[$feature])?
            unsafe fn linear_f32<const ROWS: usize>(args: &LinearTileArgs) {
                // SAFETY: the contract of this table.
                unsafe { epilogue::linear_f32::<$simd, ROWS, $vectors>(args) }
            }

            $(#[$feature])?
            unsafe fn linear_i8<const ROWS: usize>(args: &LinearTileArgs) {
                // SAFETY: the contract of this table.
                unsafe { epilogue::linear_i8::<$simd, $bytes, ROWS, $vectors>(args) }
            }

            $(#[$feature])?
            unsafe fn finish(args: &FinishArgs) {
                // SAFETY: the contract of this table.
                unsafe { epilogue::finish::<$simd, $vectors>(args) }
            }

            $(#[$feature])?
            unsafe fn attend<const ROWS: usize>(args: &AttendArgs) {
                // SAFETY: the contract of this table.
                unsafe { attend::attend::<$simd, ROWS, $vectors>(args) }
            }

            $(#[$feature])?
            unsafe fn shifted_row(args: &AttendArgs, row: usize, rows: usize) -> f32 {
                // SAFETY: the contract of this table.
                unsafe { attend::shifted_row::<$simd, $vectors>(args, row, rows) }
            }

            $(#[$feature])?
            unsafe fn gate(args: &GateArgs) {
                // SAFETY: the contract of this table.
                unsafe { gate::gate::<$simd>(args) }
            }

            $(#[$feature])?
            unsafe fn rotate(args: &RotateArgs) {
                // SAFETY: the contract of this table.
                unsafe { rotary::rotate::<$simd>(args) }
            }

            $(#[$feature])?
            unsafe fn layer_norm(row: *mut f32, n: usize, gamma: *const f32, beta: *const f32, eps: f32) {
                // SAFETY: the contract of this table.
                unsafe { rows::layer_norm::<$simd>(row, n, gamma, beta, eps) }
            }

            $(#[$feature])?
            unsafe fn quantize(args: &QuantizeArgs) -> RowScale {
                // SAFETY: the contract of this table.
                unsafe { rows::quantize::<$simd>(args) }
            }

            $(#[$feature])?
            unsafe fn widen(args: &WidenArgs) {
                // SAFETY: the contract of this table.
                unsafe { widen::widen(args) }
            }

            $(#[$feature])?
            unsafe fn widen_f16(values: *const u8, n: usize, out: *mut f32) {
                // SAFETY: the contract of this table.
                unsafe { widen::widen_halves(values, n, out) }
            }

            $(#[$feature])?
            unsafe fn add_to_f64(values: *const f32, n: usize, sums: *mut f64) {
                // SAFETY: the contract of this table.
                unsafe { widen::add_values(values, n, sums) }
            }

            $(#[$feature])?
            unsafe fn pack_keys(
                keys: *const f32,
                stride: usize,
                count: usize,
                size: usize,
                panel: usize,
                out: *mut f32,
            ) {
                // SAFETY: the contract of this table.
                unsafe { keys::pack_keys::<$simd>(keys, stride, count, size, panel, out) }
            }

            $(#[$feature])?
            unsafe fn pack_values(
                values: *const f32,
                stride: usize,
                count: usize,
                size: usize,
                panel: usize,
                out: *mut f32,
            ) {
                // SAFETY: the contract of this table.
                unsafe { keys::pack_values::<$simd>(values, stride, count, size, panel, out) }
            }

            $(#[$feature])?
            unsafe fn probe_f32(rounds: usize) -> u64 {
                const COUNT: usize = $vectors * [$($height),*].len();
                // SAFETY: the contract of this table.
                unsafe { probe::probe_f32::<$simd, COUNT>(rounds) }
            }

            $(#[$feature])?
            unsafe fn probe_i8(rounds: usize) -> u64 {
                const COUNT: usize = $vectors * [$($height_i8),*].len();
                // SAFETY: the contract of this table.
                unsafe { probe::probe_i8::<$simd, $bytes, COUNT>(rounds) }
            }

            pub(crate) static KERNELS: Kernels = TABLE;

            /// What a tier that adds to this one starts from.
            pub(crate) const TABLE: Kernels = Kernels {
                panel: $vectors * <$simd as Simd>::LANES,
                linear_f32: &[$(linear_f32::<$height>),*],
                linear_i8: &[$(linear_i8::<$height_i8>),*],
                depth_i8: <$bytes as ByteSteps<$simd>>::DEPTH,
                activation_i8: <$simd as Simd>::ACTIVATION,
                rows_i8: <$bytes as ByteSteps<$simd>>::ROWS,
                finish,
                attend: &[$(attend::<$height>),*],
                shifted_row,
                gate,
                rotate,
                layer_norm,
                quantize,
                widen,
                widen_f16,
                add_to_f64,
                pack_keys,
                pack_values,
                probe_f32,
                probe_i8,
                halves: None,
            };
        }
    };
}
pub(crate) use tier;
