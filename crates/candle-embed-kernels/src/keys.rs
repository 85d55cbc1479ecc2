//! The keys of one head, transposed into panels.

use crate::simd::Simd;

/// Lays the keys of one head out as panels: `out[panel][dimension][key]`, absent keys zero.
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
        for first in (0..count).step_by(S::LANES) {
            let panel_out = out.add(first / panel * panel * size + first % panel);
            let here = (count - first).min(S::LANES);
            let whole = size / S::LANES * S::LANES;
            for dim in (0..whole).step_by(S::LANES) {
                let source = keys.add(first * stride + dim);
                let target = panel_out.add(dim * panel);
                if here == S::LANES {
                    S::transpose(source, stride, target, panel);
                } else {
                    transpose_part::<S>(source, stride, here, S::LANES, target, panel);
                }
            }
            if whole < size {
                let target = panel_out.add(whole * panel);
                transpose_part::<S>(keys.add(first * stride + whole), stride, here, size - whole, target, panel);
            }
        }
    }
}

/// Transposes fewer than `LANES` rows: absent rows become zeros.
#[inline(always)]
unsafe fn transpose_part<S: Simd>(
    source: *const f32,
    stride: usize,
    rows: usize,
    columns: usize,
    target: *mut f32,
    panel: usize,
) {
    // SAFETY: the block below is 16 x 16, the most LANES is; all reads stay below `rows` and `columns`.
    unsafe {
        let mut block = [[0.0f32; 16]; 16];
        for (row, values) in block.iter_mut().enumerate().take(rows) {
            if columns == S::LANES {
                S::store(values.as_mut_ptr(), S::load(source.add(row * stride)));
            } else {
                S::store(values.as_mut_ptr(), S::load_head(source.add(row * stride), columns));
            }
        }
        if columns == S::LANES {
            S::transpose(block.as_ptr().cast(), 16, target, panel);
        } else {
            for column in 0..columns {
                for (row, values) in block.iter().enumerate().take(S::LANES) {
                    *target.add(column * panel + row) = values[column];
                }
            }
        }
    }
}
