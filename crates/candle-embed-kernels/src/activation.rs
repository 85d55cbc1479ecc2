//! Activations that a linear layer applies to its sums while they are in registers.

use crate::simd::Simd;
use std::f32::consts::LOG2_E;

/// What is applied to `x W^T + b`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    #[default]
    Identity,
    /// `x * Phi(x)` with the error function (PyTorch's `gelu`), absolute error about 1e-7.
    Gelu,
    /// The same, absolute error below 4e-6 where that is faster: for values that become bytes next, in steps a thousand
    /// times as large.
    GeluForBytes,
    /// The tanh approximation of GELU (`gelu_new`, `gelu_pytorch_tanh`).
    GeluTanh,
    /// `max(x, 0)`
    Relu,
    /// `x / (1 + e^-x)`, also called swish.
    Silu,
}

impl Activation {
    /// What does in its place where an int8 layer takes the values.
    pub(crate) fn before(self, next_is_int8: bool) -> Self {
        match self {
            Self::Gelu if next_is_int8 => Self::GeluForBytes,
            other => other,
        }
    }
}

/// An activation known at compile time, so that loops over it carry no branch.
pub(crate) trait Apply {
    /// # Safety
    ///
    /// `S` is a tier of this CPU.
    unsafe fn apply<S: Simd>(v: S::F) -> S::F;
}

/// [`Activation::Identity`]
pub(crate) struct Identity;
/// [`Activation::Gelu`]
pub(crate) struct Gelu;
/// [`Activation::GeluForBytes`]
pub(crate) struct GeluForBytes;
/// [`Activation::GeluTanh`]
pub(crate) struct GeluTanh;
/// [`Activation::Relu`]
pub(crate) struct Relu;
/// [`Activation::Silu`]
pub(crate) struct Silu;

impl Apply for Identity {
    #[inline(always)]
    unsafe fn apply<S: Simd>(v: S::F) -> S::F {
        v
    }
}

impl Apply for Gelu {
    #[inline(always)]
    unsafe fn apply<S: Simd>(v: S::F) -> S::F {
        // SAFETY: same contract.
        unsafe { S::gelu(v) }
    }
}

impl Apply for GeluForBytes {
    #[inline(always)]
    unsafe fn apply<S: Simd>(v: S::F) -> S::F {
        // SAFETY: same contract.
        unsafe { S::gelu_for_bytes(v) }
    }
}

impl Apply for GeluTanh {
    #[inline(always)]
    unsafe fn apply<S: Simd>(v: S::F) -> S::F {
        // SAFETY: same contract.
        unsafe {
            // 0.5 (1 + tanh u) = sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)
            let cubic = S::fma(S::mul(v, v), S::splat(0.044_715), S::splat(1.0));
            let twice_u = S::mul(S::mul(v, cubic), S::splat(1.595_769_2));
            S::mul(v, sigmoid::<S>(twice_u))
        }
    }
}

impl Apply for Relu {
    #[inline(always)]
    unsafe fn apply<S: Simd>(v: S::F) -> S::F {
        // SAFETY: same contract.
        unsafe { S::max(S::splat(0.0), v) }
    }
}

impl Apply for Silu {
    #[inline(always)]
    unsafe fn apply<S: Simd>(v: S::F) -> S::F {
        // SAFETY: same contract.
        unsafe { S::mul(v, sigmoid::<S>(v)) }
    }
}

#[inline(always)]
unsafe fn sigmoid<S: Simd>(v: S::F) -> S::F {
    // SAFETY: same contract. The bound keeps the power finite; beyond it the result is below 1e-37.
    unsafe {
        let power = S::min(S::splat(126.0), S::mul(v, S::splat(-LOG2_E)));
        S::div(S::splat(1.0), S::add(S::splat(1.0), S::exp2(power)))
    }
}

/// GELU for tiers without a 16-entry table look-up: `max(x, 0) - |x| e^(-x^2 / 2) R(1 / (1 + |x| / 4))`, where `R` is a
/// Chebyshev fit (mpmath, 40 digits) of the scaled normal tail on `0 <= |x| <= 6`, largest error 8e-9.
///
/// # Safety
///
/// `S` is a tier of this CPU.
#[inline(always)]
pub(crate) unsafe fn gelu_by_exp<S: Simd>(x: S::F) -> S::F {
    // SAFETY: same contract.
    unsafe {
        let zero = S::splat(0.0);
        let positive = S::max(zero, x);
        // At 6 the tail is 6e-9; the bound also keeps the square finite.
        let a = S::min(S::splat(6.0), S::sub(positive, S::min(zero, x)));
        let t = S::div(S::splat(1.0), S::fma(a, S::splat(0.25), S::splat(1.0)));
        let mut r = S::splat(-0.097_847_23);
        for c in [0.371_246_96, -0.325_575_23, 0.343_362_63, -0.013_232_518, 0.125_463_46, 0.096_410_65, 1.712_692_6e-4]
        {
            r = S::fma(r, t, S::splat(c));
        }
        let tail = S::exp2(S::mul(S::mul(a, a), S::splat(-0.5 * LOG2_E)));
        S::sub(positive, S::mul(S::mul(a, tail), r))
    }
}
