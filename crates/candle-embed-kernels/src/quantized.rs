//! Activations as bytes: each row over its own range, so that a row's bytes depend on that row alone.

use crate::isa::Isa;
use crate::pack::{Aligned, InputMap};
use crate::rows::{QuantizeArgs, RowScale};

/// Rows of unsigned bytes with `value = offset + scale * byte` for each row; the input of an int8 [`crate::Linear`].
pub struct QuantizedRows {
    pub(crate) bytes: Aligned<u8>,
    pub(crate) scales: Vec<RowScale>,
    pub(crate) columns: usize,
}

impl QuantizedRows {
    /// Quantises rows of `columns` values.
    ///
    /// # Panics
    ///
    /// Where `columns` is 0 or does not divide the number of values, or the map is of another width.
    pub fn new(isa: Isa, values: &[f32], columns: usize, map: Option<&InputMap>) -> Self {
        assert!(columns > 0 && values.len().is_multiple_of(columns), "rows of {columns} values");
        let kernels = isa.kernels();
        let stride = byte_stride(columns);
        let mut bytes = Aligned::zeroed(values.len() / columns * stride);
        let mut mapped = vec![0.0; columns];
        let (factor, shift) = match map {
            None => (std::ptr::null(), std::ptr::null()),
            Some(map) => {
                assert!(map.factor.len() == columns && map.shift.len() == columns, "a map of {columns} channels");
                (map.factor.as_ptr(), map.shift.as_ptr())
            }
        };
        let rows = values.chunks_exact(columns).zip(bytes.chunks_exact_mut(stride));
        let scales = rows
            .map(|(row, out)| {
                let mapped = mapped.as_mut_ptr();
                let args = QuantizeArgs { row: row.as_ptr(), n: columns, factor, shift, mapped, out: out.as_mut_ptr() };
                // SAFETY: `kernels` is a tier of this machine; all buffers have `columns` elements.
                unsafe { (kernels.quantize)(&args) }
            })
            .collect();
        Self { bytes, scales, columns }
    }

    /// The bytes of a row.
    pub fn row(&self, row: usize) -> &[u8] {
        &self.bytes[row * byte_stride(self.columns)..][..self.columns]
    }

    /// What the bytes of each row stand for.
    pub fn scales(&self) -> &[RowScale] {
        &self.scales
    }
}

/// Bytes from one quantised row to the next: whole groups of four.
pub(crate) fn byte_stride(columns: usize) -> usize {
    columns.next_multiple_of(4)
}
