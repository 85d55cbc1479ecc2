//! The keys and values of one head, copied together from rows that are a page apart.

use crate::simd::Simd;

/// Lays the keys of one head out as panels: `out[panel][dimension][key]`. Places of absent keys hold anything, but
/// vectors that would have no key at all are left as they are.
///
/// # Safety
///
/// `S` is a tier of this CPU; `keys` has `count` rows of `size` values, `stride` elements apart; `out` has room for
/// `ceil(count / panel) * panel * size` values and `panel` is a multiple of the lanes.
#[inline(always)]
pub(crate) unsafe fn pack_keys<S: Simd>(
    keys: *const f32,
    stride: usize,
    count: usize,
    size: usize,
    panel: usize,
    out: *mut f32,
) {
    // SAFETY: blocks of LANES x LANES inside `count` x `size`; the rest value by value.
    unsafe {
        let whole = size / S::LANES * S::LANES;
        for first in (0..count).step_by(S::LANES) {
            let source = keys.add(first * stride);
            let target = out.add(first / panel * panel * size + first % panel);
            let here = (count - first).min(S::LANES);
            for dim in (0..whole).step_by(S::LANES) {
                if here == S::LANES {
                    S::transpose(source.add(dim), stride, target.add(dim * panel), panel);
                } else {
                    S::transpose_head(source.add(dim), stride, here, target.add(dim * panel), panel);
                }
            }
            for dim in whole..size {
                for key in 0..here {
                    *target.add(dim * panel + key) = *source.add(key * stride + dim);
                }
            }
        }
    }
}

/// Lays the values of one head out as panels: `out[panel][token][channel]`. Places of absent channels hold zeros, or
/// are left as they are in vectors that have none.
///
/// # Safety
///
/// `S` is a tier of this CPU; `values` has `count` rows of `size` values, `stride` elements apart; `out` has room for
/// `ceil(size / panel) * panel * count` values and `panel` is a multiple of the lanes.
#[inline(always)]
pub(crate) unsafe fn pack_values<S: Simd>(
    values: *const f32,
    stride: usize,
    count: usize,
    size: usize,
    panel: usize,
    out: *mut f32,
) {
    // SAFETY: every access is at a token below `count` and a channel below `size`, or within the padded panel.
    unsafe {
        let whole = size / S::LANES * S::LANES;
        for token in 0..count {
            let source = values.add(token * stride);
            let target = out.add(token * panel);
            for first in (0..whole).step_by(S::LANES) {
                S::store(target.add(first / panel * panel * count + first % panel), S::load(source.add(first)));
            }
            if whole < size {
                let v = S::load_head(source.add(whole), size - whole);
                S::store(target.add(whole / panel * panel * count + whole % panel), v);
            }
        }
    }
}
