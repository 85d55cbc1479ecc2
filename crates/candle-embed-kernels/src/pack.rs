//! Weight panels: what [`crate::Linear`] keeps of a weight matrix, and the aligned memory it lives in.

use crate::pages::Pages;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Arc;

/// One cache line; also the width of an AVX-512 vector.
pub(crate) const LINE: usize = 64;

/// From so many bytes on a buffer is a mapping of its own, which goes back to the system when it is dropped. glibc keeps
/// large pieces once it has seen some freed, in a store for each thread: after 100 loads and disposals a process held 35 MB
/// more than after five.
#[cfg(not(target_family = "wasm"))]
pub(crate) const MAPPED_BYTES: usize = 128 << 10;

/// Zeroed memory for plain numbers, aligned to a cache line, of fixed length.
pub struct Aligned<T: Number> {
    start: NonNull<T>,
    len: usize,
    /// Where the memory is no allocation. [`crate::Pages`] gives one to many.
    mapping: Option<Arc<Mapping>>,
}

#[cfg(not(target_family = "wasm"))]
pub(crate) type Mapping = memmap2::MmapMut;
/// WebAssembly has one memory, which never shrinks.
#[cfg(target_family = "wasm")]
type Mapping = std::convert::Infallible;

/// Numbers for which all bits zero is a value and nothing has to be dropped.
pub trait Number: Copy + sealed::Sealed {}

impl<T: Copy + sealed::Sealed> Number for T {}

mod sealed {
    /// Keeps [`super::Number`] to the types below.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for i8 {}
    impl Sealed for u8 {}
}

// SAFETY: it owns its memory exclusively and holds plain numbers.
unsafe impl<T: Number + Send> Send for Aligned<T> {}
// SAFETY: shared access only reads.
unsafe impl<T: Number + Sync> Sync for Aligned<T> {}

impl<T: Number> Aligned<T> {
    /// `len` zeros.
    pub fn zeroed(len: usize) -> Self {
        let layout = Self::layout(len);
        #[cfg(not(target_family = "wasm"))]
        if layout.size() >= MAPPED_BYTES {
            let mut mapping = Mapping::map_anon(layout.size()).unwrap_or_else(|_| handle_alloc_error(layout));
            // Mappings begin at a page.
            let start = NonNull::from(&mut mapping[..]).cast();
            return Self { start, len, mapping: Some(Arc::new(mapping)) };
        }
        // SAFETY: the layout is never empty.
        let start = unsafe { alloc_zeroed(layout) };
        let start = NonNull::new(start.cast()).unwrap_or_else(|| handle_alloc_error(layout));
        Self { start, len, mapping: None }
    }

    /// Part of a mapping.
    ///
    /// # Safety
    ///
    /// From `start` on, at a cache line, there are `len` zeros in the mapping that nothing else uses.
    #[cfg(target_os = "linux")]
    pub(crate) unsafe fn part(start: *mut u8, len: usize, mapping: Arc<Mapping>) -> Self {
        // SAFETY: a place in a mapping.
        let start = unsafe { NonNull::new_unchecked(start) }.cast();
        Self { start, len, mapping: Some(mapping) }
    }

    /// A copy of `values` followed by zeros up to `len`.
    pub fn padded(values: &[T], len: usize) -> Self {
        let mut all = Self::zeroed(len);
        all[..values.len()].copy_from_slice(values);
        all
    }

    /// Makes room for at least `len` values; the contents are zero again where it had to grow.
    #[inline]
    pub fn grow(&mut self, len: usize) {
        if len > self.len {
            *self = Self::zeroed(len);
        }
    }

    pub(crate) fn layout(len: usize) -> Layout {
        let bytes = len.checked_mul(size_of::<T>()).expect("a buffer larger than the address space");
        Layout::from_size_align(bytes.max(LINE), LINE).expect("a buffer larger than the address space")
    }
}

impl<T: Number> Drop for Aligned<T> {
    fn drop(&mut self) {
        if self.mapping.is_none() {
            // SAFETY: allocated in `zeroed` with the same layout.
            unsafe { dealloc(self.start.as_ptr().cast(), Self::layout(self.len)) };
        }
    }
}

impl<T: Number> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `len` initialised values, in an allocation or in the mapping, which lives as long as this.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T: Number> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: `len` initialised values, borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

/// Most input columns that an int8 layer can keep exact: their values travel beside each quantised row.
pub const MAX_EXACT_COLUMNS: usize = 4;

/// An input column of an int8 layer that stays float32, weights and activations both.
///
/// For channels whose values are far beyond all others: left in, they decide the step of every row's bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct ExactColumn {
    /// Index of the input.
    pub column: usize,
    /// Its weight for each output; the int8 weights of the column have to be zero.
    pub weights: Vec<f32>,
}

/// Panels `[outputs / panel][inputs][panel]` of f32; `fill(row, values)` gives a row of the `[outputs, inputs]` matrix.
pub(crate) fn pack_f32(
    pages: &Pages,
    [outputs, inputs]: [usize; 2],
    panel: usize,
    mut fill: impl FnMut(usize, &mut [f32]),
) -> Aligned<f32> {
    let mut packed = pages.zeroed(outputs.div_ceil(panel) * panel * inputs);
    let mut row = vec![0.0; inputs];
    for output in 0..outputs {
        fill(output, &mut row);
        let start = output / panel * panel * inputs + output % panel;
        for (k, &value) in row.iter().enumerate() {
            packed[start + k * panel] = value;
        }
    }
    packed
}

/// Panels `[outputs / panel][inputs / depth][panel][depth]` of i8 with zeros behind the last input, and each row's sum.
pub(crate) fn pack_i8(
    pages: &Pages,
    [outputs, inputs]: [usize; 2],
    panel: usize,
    depth: usize,
    mut fill: impl FnMut(usize, &mut [i8]),
) -> (Aligned<i8>, Vec<i32>) {
    let steps = inputs.div_ceil(depth);
    let mut packed = pages.zeroed(outputs.div_ceil(panel) * panel * steps * depth);
    let mut row = vec![0; inputs];
    let mut sums = Vec::with_capacity(outputs);
    for output in 0..outputs {
        fill(output, &mut row);
        let start = output / panel * panel * steps * depth + output % panel * depth;
        for (k, &value) in row.iter().enumerate() {
            packed[start + k / depth * panel * depth + k % depth] = value;
        }
        sums.push(row.iter().map(|&w| i32::from(w)).sum());
    }
    (packed, sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_hold_the_rows_as_columns() {
        let packed = pack_f32(&Pages::default(), [3, 2], 2, |row, values| {
            values.copy_from_slice(&[row as f32, 10.0 + row as f32])
        });
        assert_eq!(&packed[..], &[0.0, 1.0, 10.0, 11.0, 2.0, 0.0, 12.0, 0.0]);
        let (packed, sums) =
            pack_i8(&Pages::default(), [1, 5], 2, 4, |_, values| values.copy_from_slice(&[1, 2, 3, 4, 5]));
        assert_eq!(&packed[..], &[1, 2, 3, 4, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(sums, [15]);
        let (packed, _) = pack_i8(&Pages::default(), [2, 3], 2, 8, |row, values| values.fill(1 + row as i8));
        assert_eq!(&packed[..], &[1, 1, 1, 0, 0, 0, 0, 0, 2, 2, 2, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn memory_is_aligned_even_when_empty() {
        assert!(Aligned::<f32>::zeroed(0).is_empty());
        assert_eq!(Aligned::<u8>::zeroed(5).as_ptr() as usize % LINE, 0);
    }
}
