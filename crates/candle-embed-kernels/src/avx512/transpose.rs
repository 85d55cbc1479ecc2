//! Transposition of 16 x 16 values.

use std::arch::x86_64::*;

/// Transposes `rows` rows of 16 values (`ROWS` rows where that is not 0); the last row stands in for absent ones.
///
/// Quarters of four rows meet in one register by insertion from memory, then two rounds of unpacking finish: half the
/// shuffles of the transposition that loads whole rows.
///
/// # Safety
///
/// The CPU has AVX-512 F; `rows > 0` rows of 16 values at `src`, 16 rows of 16 values at `dst`; strides in elements.
#[inline(always)]
pub(super) unsafe fn transpose<const ROWS: usize>(
    src: *const f32,
    src_stride: usize,
    rows: usize,
    dst: *mut f32,
    dst_stride: usize,
) {
    let last = if ROWS == 0 { rows - 1 } else { ROWS - 1 };
    // SAFETY: rows are at most the last, columns below 16.
    unsafe {
        // By four rows and then by quarters: four addresses serve four registers.
        let mut r = [[_mm512_setzero_ps(); 4]; 4];
        for i in 0..4 {
            let at = |j: usize| src.add((i + 4 * j).min(last) * src_stride);
            let from = [at(0), at(1), at(2), at(3)];
            for (quarter, rows) in r.iter_mut().enumerate() {
                let load = |j: usize| _mm_loadu_ps(from[j].add(4 * quarter));
                let v = _mm512_castps128_ps512(load(0));
                let v = _mm512_insertf32x4::<1>(v, load(1));
                let v = _mm512_insertf32x4::<2>(v, load(2));
                rows[i] = _mm512_insertf32x4::<3>(v, load(3));
            }
        }
        for (quarter, r) in r.iter().enumerate() {
            let t0 = _mm512_castps_pd(_mm512_unpacklo_ps(r[0], r[1]));
            let t1 = _mm512_castps_pd(_mm512_unpacklo_ps(r[2], r[3]));
            let t2 = _mm512_castps_pd(_mm512_unpackhi_ps(r[0], r[1]));
            let t3 = _mm512_castps_pd(_mm512_unpackhi_ps(r[2], r[3]));
            let out = dst.add(4 * quarter * dst_stride);
            _mm512_storeu_ps(out, _mm512_castpd_ps(_mm512_unpacklo_pd(t0, t1)));
            _mm512_storeu_ps(out.add(dst_stride), _mm512_castpd_ps(_mm512_unpackhi_pd(t0, t1)));
            _mm512_storeu_ps(out.add(2 * dst_stride), _mm512_castpd_ps(_mm512_unpacklo_pd(t2, t3)));
            _mm512_storeu_ps(out.add(3 * dst_stride), _mm512_castpd_ps(_mm512_unpackhi_pd(t2, t3)));
        }
    }
}
