//! Stored int8 and float16 rows as f32, and sums of rows in f64: what a look-up in an embedding table is made of.

use crate::isa::detected;

/// One row to widen.
#[derive(Clone, Copy)]
pub(crate) struct WidenArgs {
    /// `n` int8 values.
    pub values: *const i8,
    /// What each is multiplied by.
    pub scale: f32,
    /// Number of values.
    pub n: usize,
    /// Receives `n` products.
    pub out: *mut f32,
}

/// `out = scale * values`, `values` being int8 as a file has them, on the tier of [`crate::Isa::detect`].
///
/// Without the tier's vectors it took 0.2 µs for 384 values, a hundredth of the time of a token of a small model.
///
/// # Panics
///
/// Where the lengths differ.
pub fn widen_i8(values: &[u8], scale: f32, out: &mut [f32]) {
    assert_eq!(values.len(), out.len(), "as many outputs as values");
    let args = WidenArgs { values: values.as_ptr().cast(), scale, n: out.len(), out: out.as_mut_ptr() };
    // SAFETY: the table is of a tier of this machine; both slices have `n` elements.
    unsafe { (detected().widen)(&args) }
}

/// Plain Rust, which the compiler makes the tier's vectors of.
///
/// # Safety
///
/// `values` and `out` have `n` elements.
#[inline(always)]
pub(crate) unsafe fn widen(args: &WidenArgs) {
    // SAFETY: same contract; `out` is written by nobody else.
    let (values, out) =
        unsafe { (std::slice::from_raw_parts(args.values, args.n), std::slice::from_raw_parts_mut(args.out, args.n)) };
    for (out, &value) in out.iter_mut().zip(values) {
        *out = f32::from(value) * args.scale;
    }
}

/// `out = values`, `values` being finite float16 numbers as a file has them (little-endian), on the tier of
/// [`crate::Isa::detect`]. By a call a number they were half of the time of a static model.
///
/// # Panics
///
/// Where the lengths differ.
pub fn widen_f16(values: &[u8], out: &mut [f32]) {
    assert_eq!(values.len(), 2 * out.len(), "two bytes for each output");
    // SAFETY: the table is of a tier of this machine; there are two bytes for each of the outputs.
    unsafe { (detected().widen_f16)(values.as_ptr(), out.len(), out.as_mut_ptr()) }
}

/// Plain Rust, as [`widen`]. The exponent's bits of a float16 stand 112 too low for a f32; a multiplication by 2^112 puts that
/// right, exactly, also for subnormal numbers.
///
/// # Safety
///
/// `values` has two bytes for each of the `n` elements of `out`.
#[inline(always)]
pub(crate) unsafe fn widen_halves(values: *const u8, n: usize, out: *mut f32) {
    const SCALE: f32 = f32::from_bits((127 + 112) << 23);
    // SAFETY: same contract; `out` is written by nobody else.
    let (values, out) =
        unsafe { (std::slice::from_raw_parts(values.cast::<[u8; 2]>(), n), std::slice::from_raw_parts_mut(out, n)) };
    for (out, &value) in out.iter_mut().zip(values) {
        let bits = u32::from(u16::from_le_bytes(value));
        let size = f32::from_bits((bits & 0x7fff) << 13) * SCALE;
        *out = f32::from_bits(size.to_bits() | (bits & 0x8000) << 16);
    }
}

/// `sums += values`, on the tier of [`crate::Isa::detect`]. Without the tier's vectors, and with a norm in one chain of additions, a
/// static model took 1.14 (short texts) to 1.19 times as long.
///
/// # Panics
///
/// Where the lengths differ.
pub fn add_to_f64(values: &[f32], sums: &mut [f64]) {
    assert_eq!(values.len(), sums.len(), "as many sums as values");
    // SAFETY: the table is of a tier of this machine; both slices have as many elements.
    unsafe { (detected().add_to_f64)(values.as_ptr(), values.len(), sums.as_mut_ptr()) }
}

/// Plain Rust, as [`widen`].
///
/// # Safety
///
/// `values` and `sums` have `n` elements.
#[inline(always)]
pub(crate) unsafe fn add_values(values: *const f32, n: usize, sums: *mut f64) {
    // SAFETY: same contract; `sums` is written by nobody else.
    let (values, sums) = unsafe { (std::slice::from_raw_parts(values, n), std::slice::from_raw_parts_mut(sums, n)) };
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += f64::from(value);
    }
}
