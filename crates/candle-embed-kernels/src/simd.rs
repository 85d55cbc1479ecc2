//! The vector operations a tier has to offer. Everything above them (tiles, norms, softmax, GELU, quantising) is written
//! once, generic over [`Simd`], and compiled once per tier inside functions that carry the tier's `target_feature`s.
//!
//! The methods are `inline(always)` and carry no `target_feature` themselves, so that they melt into those functions.

/// One tier's vectors of f32 and i32.
///
/// # Safety
///
/// Every method may only be called on a CPU that has the tier's instructions, which the caller proves by having chosen
/// the tier with [`crate::isa`]. Pointers must be valid for the number of elements a method names; they need no
/// alignment.
pub(crate) unsafe trait Simd: Copy {
    /// A vector of [`Simd::LANES`] f32.
    type F: Copy;
    /// A vector of [`Simd::LANES`] i32.
    type I: Copy;
    /// [`Simd::GROUP`] unsigned activations, repeated in every lane, in the form [`Simd::dot`] wants.
    type GroupA: Copy;
    /// [`Simd::GROUP`] signed weights a lane, in the form [`Simd::dot`] wants.
    type GroupB: Copy;

    /// Lanes of a vector.
    const LANES: usize;
    /// Inputs that [`Simd::dot`] sums in every lane.
    const GROUP: usize = 4;
    /// Bytes in which a quantised activation lies, low byte first: 2 where [`Simd::dot`] takes 16 bits. A group has 4 bytes.
    const ACTIVATION: usize = 1;
    /// What [`Simd::group_a`] subtracts from every activation (128 where the instruction wants signed bytes).
    const GROUP_BIAS: i32 = 0;

    /// All lanes `x`.
    unsafe fn splat(x: f32) -> Self::F;
    /// Reads `LANES` values.
    unsafe fn load(p: *const f32) -> Self::F;
    /// Writes `LANES` values.
    unsafe fn store(p: *mut f32, v: Self::F);
    /// Reads `n <= LANES` values; the other lanes are zero. Of none, `p` may be anything.
    unsafe fn load_head(p: *const f32, n: usize) -> Self::F;
    /// Writes the first `n < LANES` lanes.
    unsafe fn store_head(p: *mut f32, v: Self::F, n: usize);
    /// The first `n` lanes of `v`, the others from `other`.
    unsafe fn head_or(v: Self::F, n: usize, other: Self::F) -> Self::F;
    /// `sum` plus the first `n <= LANES` lanes of `v`.
    #[inline(always)]
    unsafe fn add_head(sum: Self::F, v: Self::F, n: usize) -> Self::F {
        // SAFETY: same contract.
        unsafe { Self::add(sum, if n < Self::LANES { Self::head_or(v, n, Self::splat(0.0)) } else { v }) }
    }
    /// `a + b`
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F;
    /// `a - b`
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F;
    /// `a * b`
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F;
    /// `a / b`
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, rounded once where the tier has the instruction.
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The larger value of each lane. Where either is NaN it is `b`, or NaN: a bound comes first, a value that must not lose its
    /// NaN second.
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F;
    /// The smaller value of each lane; NaN as in [`Simd::max`].
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F;
    /// Sum of the lanes, in a fixed order.
    unsafe fn sum(v: Self::F) -> f32;
    /// Largest lane.
    unsafe fn largest(v: Self::F) -> f32;
    /// Smallest lane.
    unsafe fn smallest(v: Self::F) -> f32;
    /// `2^v`, relative error about 1e-7; lanes below -126 may give 0 or the smallest normal number. NaN stays NaN.
    unsafe fn exp2(v: Self::F) -> Self::F;
    /// `x * Phi(x)` with the exact normal distribution, absolute error about 1e-7.
    #[inline(always)]
    unsafe fn gelu(v: Self::F) -> Self::F {
        // SAFETY: same contract.
        unsafe { crate::activation::gelu_by_exp::<Self>(v) }
    }

    /// The same to 4e-6, where that is faster.
    #[inline(always)]
    unsafe fn gelu_for_bytes(v: Self::F) -> Self::F {
        // SAFETY: same contract.
        unsafe { Self::gelu(v) }
    }

    /// Writes the first `n` lanes, rounded to the nearest integer, as activations; the caller keeps them within 0 to 255.
    unsafe fn store_activations(p: *mut u8, v: Self::F, n: usize);
    /// Writes four vectors as [`Simd::store_activations`] writes one; a value that rounds to -1 or 256 becomes 0 or 255.
    #[inline(always)]
    unsafe fn store_activations_four(p: *mut u8, v: [Self::F; 4]) {
        for (i, v) in v.into_iter().enumerate() {
            // SAFETY: same contract.
            unsafe { Self::store_activations(p.add(i * Self::LANES * Self::ACTIVATION), v, Self::LANES) };
        }
    }
    /// All lanes zero.
    unsafe fn int_zero() -> Self::I;
    /// The nearest f32.
    unsafe fn int_to_f32(v: Self::I) -> Self::F;
    /// Reads a group: 4 bytes.
    unsafe fn group_a(p: *const u8) -> Self::GroupA;
    /// Reads `GROUP * LANES` signed bytes.
    unsafe fn group_b(p: *const i8) -> Self::GroupB;
    /// Adds the products of every lane to `acc`, exactly.
    unsafe fn dot(acc: Self::I, a: Self::GroupA, b: Self::GroupB) -> Self::I;

    /// The group, read anew where [`Simd::dot`] has products apart from their sum: the compiler would take those of the probe,
    /// which are always the same, out of its loop.
    #[inline(always)]
    unsafe fn anew(a: &Self::GroupA) -> Self::GroupA {
        *a
    }

    /// Transposes a `LANES` x `LANES` block; strides in elements.
    #[inline(always)]
    unsafe fn transpose(src: *const f32, src_stride: usize, dst: *mut f32, dst_stride: usize) {
        for row in 0..Self::LANES {
            for col in 0..Self::LANES {
                // SAFETY: the caller vouches for LANES rows of LANES values on both sides.
                unsafe { *dst.add(col * dst_stride + row) = *src.add(row * src_stride + col) };
            }
        }
    }

    /// Transposes `0 < rows <= LANES` rows of `LANES` values; the other columns of `dst` become values of some kind.
    #[inline(always)]
    unsafe fn transpose_head(src: *const f32, src_stride: usize, rows: usize, dst: *mut f32, dst_stride: usize) {
        let mut block = [[0.0f32; 16]; 16];
        // SAFETY: the block holds 16 x 16, the most LANES is; all reads stay below `rows`.
        unsafe {
            for (row, values) in block.iter_mut().enumerate().take(rows) {
                Self::store(values.as_mut_ptr(), Self::load(src.add(row * src_stride)));
            }
            Self::transpose(block.as_ptr().cast(), 16, dst, dst_stride);
        }
    }
}
