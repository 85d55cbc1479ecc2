//! Layer norm over rows.

use crate::isa::Isa;
use crate::kernels::Kernels;
use crate::linear::LinearError;

/// `(x - mean) / sqrt(variance + eps) * gamma + beta` over each row, in f32, mean and variance in two passes.
pub struct LayerNorm {
    kernels: &'static Kernels,
    gamma: Vec<f32>,
    beta: Vec<f32>,
    eps: f32,
}

impl LayerNorm {
    /// `gamma` and `beta` have one value a column. Without `beta` it is zero.
    pub fn new(isa: Isa, gamma: Vec<f32>, beta: Option<Vec<f32>>, eps: f32) -> Result<Self, LinearError> {
        let expected = gamma.len();
        if expected == 0 {
            return Err(LinearError::Empty);
        }
        let beta = beta.unwrap_or_else(|| vec![0.0; expected]);
        if beta.len() != expected {
            return Err(LinearError::Length { what: "beta", got: beta.len(), expected });
        }
        Ok(Self { kernels: isa.kernels(), gamma, beta, eps })
    }

    /// Columns of a row.
    pub fn columns(&self) -> usize {
        self.gamma.len()
    }

    /// Normalises whole rows in place.
    ///
    /// # Panics
    ///
    /// Where `rows` is not a whole number of rows.
    pub fn forward(&self, rows: &mut [f32]) {
        let n = self.columns();
        assert!(rows.len().is_multiple_of(n), "rows of {n} values");
        for row in rows.chunks_exact_mut(n) {
            // SAFETY: `row` has `n` values.
            unsafe { self.row(row.as_mut_ptr()) };
        }
    }

    /// Normalises one row.
    ///
    /// # Safety
    ///
    /// `row` has [`LayerNorm::columns`] values that nothing else touches meanwhile.
    pub(crate) unsafe fn row(&self, row: *mut f32) {
        // SAFETY: the table is of a tier this machine has; gamma and beta have the row's length.
        unsafe {
            (self.kernels.layer_norm)(row, self.gamma.len(), self.gamma.as_ptr(), self.beta.as_ptr(), self.eps);
        }
    }
}
