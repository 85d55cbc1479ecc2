//! Rotary positions: queries and keys turned by angles that grow with the token's position.

use crate::isa::Isa;
use crate::kernels::Kernels;
use crate::linear::LinearError;
use crate::simd::Simd;

/// Cosines and sines of all positions, for the pairs (`i`, `i + pairs`) of a head's first channels.
///
/// The tables are made once: a text of 8,192 tokens with heads of 64 has 262,144 angles a layer, and a sine is some
/// twenty times as expensive as the turn itself.
pub struct Rotary {
    kernels: &'static Kernels,
    cosines: Vec<f32>,
    sines: Vec<f32>,
    pairs: usize,
}

impl Rotary {
    /// Tables `[positions][pairs]` of the angles' cosines and sines.
    pub fn new(isa: Isa, pairs: usize, cosines: Vec<f32>, sines: Vec<f32>) -> Result<Self, LinearError> {
        if pairs == 0 || cosines.is_empty() || !cosines.len().is_multiple_of(pairs) {
            return Err(LinearError::Empty);
        }
        if sines.len() != cosines.len() {
            return Err(LinearError::Length { what: "sines", got: sines.len(), expected: cosines.len() });
        }
        Ok(Self { kernels: isa.kernels(), cosines, sines, pairs })
    }

    /// Channels of a head that are turned.
    pub fn channels(&self) -> usize {
        2 * self.pairs
    }

    /// The longest sequence the tables serve.
    pub fn longest(&self) -> usize {
        self.cosines.len() / self.pairs
    }

    /// Turns one head's queries or keys of a sequence.
    ///
    /// # Safety
    ///
    /// `rows` has `count` rows (at most [`Rotary::longest`]) of [`Rotary::channels`] values, `stride` elements apart, that
    /// nothing else touches meanwhile.
    pub(crate) unsafe fn turn(&self, rows: *mut f32, stride: usize, count: usize) {
        // SAFETY: the tables have `pairs` values for each of the rows.
        unsafe {
            (self.kernels.rotate)(&RotateArgs {
                rows,
                stride,
                count,
                pairs: self.pairs,
                cosines: self.cosines.as_ptr(),
                sines: self.sines.as_ptr(),
            });
        }
    }
}

/// Rows to turn; row `i` by the `i`th angles.
#[derive(Clone, Copy)]
pub(crate) struct RotateArgs {
    pub rows: *mut f32,
    /// Elements from one row to the next.
    pub stride: usize,
    pub count: usize,
    pub pairs: usize,
    pub cosines: *const f32,
    pub sines: *const f32,
}

/// `(a, b) = (a cos - b sin, b cos + a sin)` for each pair of each row.
///
/// # Safety
///
/// `S` is a tier of this CPU; the pointers cover `count` rows of `2 pairs` values, and of `pairs` angles.
#[inline(always)]
pub(crate) unsafe fn rotate<S: Simd>(args: &RotateArgs) {
    // SAFETY: every access is below `pairs` in its half of a row.
    unsafe {
        let full = args.pairs / S::LANES * S::LANES;
        let tail = args.pairs - full;
        for row in 0..args.count {
            let first = args.rows.add(row * args.stride);
            let second = first.add(args.pairs);
            let (cosines, sines) = (args.cosines.add(row * args.pairs), args.sines.add(row * args.pairs));
            for at in (0..full).step_by(S::LANES) {
                let (a, b) = (S::load(first.add(at)), S::load(second.add(at)));
                let (cos, sin) = (S::load(cosines.add(at)), S::load(sines.add(at)));
                S::store(first.add(at), S::sub(S::mul(a, cos), S::mul(b, sin)));
                S::store(second.add(at), S::add(S::mul(b, cos), S::mul(a, sin)));
            }
            if tail > 0 {
                let (a, b) = (S::load_head(first.add(full), tail), S::load_head(second.add(full), tail));
                let (cos, sin) = (S::load_head(cosines.add(full), tail), S::load_head(sines.add(full), tail));
                S::store_head(first.add(full), S::sub(S::mul(a, cos), S::mul(b, sin)), tail);
                S::store_head(second.add(full), S::add(S::mul(b, cos), S::mul(a, sin)), tail);
            }
        }
    }
}
