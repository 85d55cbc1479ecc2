//! Memory for the weights of a model, one matrix behind the other in large pages.
//!
//! A text on its own reads all weights once: in pages of 4 KB that is 10,000 translations for MiniLM in f32 (42 MB), three
//! times what the second-level TLB of a Zen 4 holds, and prefetches wait for each of them. With pages of 2 MB such a text takes
//! three quarters of the time, and batches are 2 to 3 % faster. A matrix alone (0.6 to 2.4 MB) would waste half of its pages.

use crate::pack::{Aligned, Number};

/// Where the weights of one model are put. Each mapping goes back to the system with the last matrix in it.
#[derive(Default)]
pub struct Pages {
    #[cfg(target_os = "linux")]
    open: std::cell::RefCell<Option<linux::Region>>,
}

impl Pages {
    /// `len` zeros; small ones are allocations of their own.
    #[cfg(target_os = "linux")]
    pub(crate) fn zeroed<T: Number>(&self, len: usize) -> Aligned<T> {
        linux::zeroed(&mut self.open.borrow_mut(), len)
    }

    /// `len` zeros. Elsewhere the system alone decides about pages.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn zeroed<T: Number>(&self, len: usize) -> Aligned<T> {
        Aligned::zeroed(len)
    }
}

/// Gives the system back what the C library keeps of freed memory for later allocations. glibc keeps it in an arena for each thread
/// that ever loaded a model; others have none, or no such call, and nothing happens.
pub fn release_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use crate::pack::{Aligned, LINE, MAPPED_BYTES, Mapping, Number};
    use memmap2::Advice;
    use std::sync::Arc;

    const LARGE_PAGE: usize = 2 << 20;

    /// Addresses of a mapping; memory becomes resident a large page at a time, as it is written.
    const REGION_BYTES: usize = 32 << 20;

    /// A mapping that still has room.
    pub(super) struct Region {
        mapping: Arc<Mapping>,
        start: *mut u8,
        used: usize,
        len: usize,
    }

    impl Region {
        /// At least `bytes`, from the start of a large page on. `None` where the system has no memory.
        fn map(bytes: usize) -> Option<Self> {
            let len = bytes.max(REGION_BYTES).checked_next_multiple_of(LARGE_PAGE)?;
            let mut mapping = Mapping::map_anon(len.checked_add(LARGE_PAGE)?).ok()?;
            // A kernel without large pages refuses the advice; small ones do as well, only slower.
            let _ = mapping.advise(Advice::HugePage);
            let skip = mapping.as_ptr().align_offset(LARGE_PAGE);
            let start = mapping[skip..].as_mut_ptr();
            Some(Self { mapping: Arc::new(mapping), start, used: 0, len })
        }
    }

    pub(super) fn zeroed<T: Number>(open: &mut Option<Region>, len: usize) -> Aligned<T> {
        let bytes = Aligned::<T>::layout(len).size().next_multiple_of(LINE);
        if bytes < MAPPED_BYTES {
            return Aligned::zeroed(len);
        }
        if open.as_ref().is_none_or(|region| region.len - region.used < bytes) {
            *open = Region::map(bytes);
        }
        let Some(region) = open else { return Aligned::zeroed(len) };
        // SAFETY: `bytes` zeros of the mapping that no one else was given.
        let part = unsafe { Aligned::part(region.start.add(region.used), len, Arc::clone(&region.mapping)) };
        region.used += bytes;
        part
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn parts_are_zero_apart_and_outlive_the_pages() {
        let pages = Pages::default();
        let mut parts: Vec<Aligned<f32>> = (0..40).map(|_| pages.zeroed(300_001)).collect();
        for (i, part) in parts.iter_mut().enumerate() {
            assert!(part.iter().all(|&value| value == 0.0));
            assert_eq!(part.as_ptr() as usize % 64, 0);
            part.fill(i as f32);
        }
        drop(pages);
        parts.swap_remove(0);
        for part in &parts {
            assert!(part.iter().all(|&value| value == part[0]) && part[0] > 0.0);
        }
    }

    #[test]
    fn what_is_larger_than_a_mapping_gets_its_own() {
        let pages = Pages::default();
        let (large, small) = (pages.zeroed::<u8>(40 << 20), pages.zeroed::<u8>(1 << 20));
        assert_eq!((large[(40 << 20) - 1], small[0]), (0, 0));
    }
}
