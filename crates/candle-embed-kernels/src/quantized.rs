//! Activations as bytes: each row over its own range, so that a row's bytes depend on that row alone.

use crate::isa::Isa;
use crate::kernels::Kernels;
use crate::pack::{Aligned, MAX_EXACT_COLUMNS};
use crate::rows::{QuantizeArgs, RowScale};
use crate::stride::byte_stride;

/// Rows of unsigned bytes with `value = offset + scale * byte` for each row; the input of an int8 [`crate::Linear`].
pub struct QuantizedRows {
    kernels: &'static Kernels,
    pub(crate) bytes: Aligned<u8>,
    pub(crate) scales: Vec<RowScale>,
    pub(crate) columns: usize,
}

impl QuantizedRows {
    /// Quantises rows of `columns` values, leaving out the columns `exact`.
    ///
    /// # Panics
    ///
    /// Where `columns` is 0 or does not divide the number of values, or there are too many exact columns or one that is
    /// not there.
    pub fn new(isa: Isa, values: &[f32], columns: usize, exact: &[usize]) -> Self {
        assert!(columns > 0 && values.len().is_multiple_of(columns), "rows of {columns} values");
        assert!(exact.len() <= MAX_EXACT_COLUMNS && exact.iter().all(|&column| column < columns), "exact columns");
        let kernels = isa.kernels();
        let stride = byte_stride(kernels, columns);
        let mut bytes = Aligned::zeroed(values.len() / columns * stride);
        let mut copy = vec![0.0; columns];
        let rows = values.chunks_exact(columns).zip(bytes.chunks_exact_mut(stride));
        let scales = rows
            .map(|(row, out)| {
                copy.copy_from_slice(row);
                let args = QuantizeArgs {
                    row: copy.as_mut_ptr(),
                    n: columns,
                    exact: exact.as_ptr(),
                    exact_count: exact.len(),
                    out: out.as_mut_ptr(),
                };
                // SAFETY: `kernels` is a tier of this machine; all buffers have `columns` elements.
                unsafe { (kernels.quantize)(&args) }
            })
            .collect();
        Self { kernels, bytes, scales, columns }
    }

    /// The bytes of a row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = u8> {
        let width = self.kernels.activation_i8;
        self.bytes[row * self.byte_stride()..].iter().step_by(width).copied().take(self.columns)
    }

    /// Bytes from one row to the next.
    pub(crate) fn byte_stride(&self) -> usize {
        byte_stride(self.kernels, self.columns)
    }

    /// What the bytes of each row stand for.
    pub fn scales(&self) -> &[RowScale] {
        &self.scales
    }
}
