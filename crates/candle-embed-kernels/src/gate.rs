//! Gated feed-forward blocks: `activation(a) * b` over the two halves of a row.

use crate::activation::{Activation, Apply, Gelu, GeluForBytes, GeluTanh, Identity, Relu, Silu};
use crate::simd::Simd;

/// One row to gate.
#[derive(Clone, Copy)]
pub(crate) struct GateArgs {
    /// `n` values to be activated, then their `n` factors.
    pub row: *const f32,
    /// Values of a half.
    pub n: usize,
    /// Applied to the first half.
    pub activation: Activation,
    /// Receives `n` products.
    pub out: *mut f32,
}

/// `out = activation(row[..n]) * row[n..]`.
///
/// # Safety
///
/// `S` is a tier of this CPU; `row` has `2 n` values and `out` room for `n` others.
#[inline(always)]
pub(crate) unsafe fn gate<S: Simd>(args: &GateArgs) {
    // SAFETY: same contract.
    unsafe {
        match args.activation {
            Activation::Identity => gate_with::<S, Identity>(args),
            Activation::Gelu => gate_with::<S, Gelu>(args),
            Activation::GeluForBytes => gate_with::<S, GeluForBytes>(args),
            Activation::GeluTanh => gate_with::<S, GeluTanh>(args),
            Activation::Relu => gate_with::<S, Relu>(args),
            Activation::Silu => gate_with::<S, Silu>(args),
        }
    }
}

#[inline(always)]
unsafe fn gate_with<S: Simd, A: Apply>(args: &GateArgs) {
    // SAFETY: every access is below `n` in its half.
    unsafe {
        let full = args.n / S::LANES * S::LANES;
        let factors = args.row.add(args.n);
        for at in (0..full).step_by(S::LANES) {
            let v = A::apply::<S>(S::load(args.row.add(at)));
            S::store(args.out.add(at), S::mul(v, S::load(factors.add(at))));
        }
        let tail = args.n - full;
        if tail > 0 {
            let v = A::apply::<S>(S::load_head(args.row.add(full), tail));
            S::store_head(args.out.add(full), S::mul(v, S::load_head(factors.add(full), tail)), tail);
        }
    }
}
