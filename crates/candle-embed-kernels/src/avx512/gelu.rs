//! Exact (erf) GELU as a piecewise polynomial whose coefficients `vpermps` looks up: 18 operations a vector, no division,
//! no exponential.
//!
//! `gelu(x) = max(x, 0) - g(|x|)` with `g(a) = a * (1 - Phi(a))`, which is bounded by 0.17 and falls to 3e-8 at 5.75.
//! 16 pieces of width `STEP`, centred on its multiples, each a Chebyshev fit of degree 5 made with mpmath's `chebyfit` at
//! 40 digits; the largest error of the fit is 1.2e-8.

use std::arch::x86_64::*;

/// 5.75 / 15.5
const STEP: f32 = 0.370_967_75;
/// Just below 15.5 steps, so that rounding never gives a seventeenth piece.
const LAST: f32 = 5.749_99;
/// Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
const ROUND: f32 = 12_582_912.0;

/// `COEFFICIENTS[power][piece]`
#[rustfmt::skip]
static COEFFICIENTS: [[f32; 16]; 6] = [
    [
        0.0, 1.318_162_5e-1, 1.699_501_3e-1, 1.478_770_2e-1, 1.022_707_3e-1, 5.900_173_6e-2, 2.896_569_5e-2, 1.221_830_9e-2,
        4.451_553_3e-3, 1.405_070_3e-3, 3.849_227_2e-4, 9.163_282e-5, 1.897_012e-5, 3.417_136_2e-6, 5.357_840_7e-7, 7.314_235e-8,
    ],
    [
        4.999_999e-1, 2.171_769_1e-1, 4.290_522_5e-3, -1.061_366e-1, -1.279_466_2e-1, -1.006_663_2e-1, -6.156_318e-2, -3.086_360_2e-2,
        -1.298_151_9e-2, -4.636_847_4e-3, -1.416_539_1e-3, -3.717_982_6e-4, -8.409_778e-5, -1.642_843_6e-5, -2.776_054_8e-6, -4.062_539_2e-7,
    ],
    [
        -3.989_375_5e-1, -3.467_856e-1, -2.195_725_7e-1, -8.177_009e-2, 1.338_810_7e-2, 5.143_835_8e-2, 4.949_233e-2, 3.248_596e-2,
        1.660_961_5e-2, 6.928_291_6e-3, 2.409_995_3e-3, 7.076_988_7e-4, 1.767_756_9e-4, 3.775_190_6e-5, 6.917_440_7e-6, 1.090_375e-6,
    ],
    [
        -1.091_398e-4, 8.893_196e-2, 1.292_248_8e-1, 1.100_026_5e-1, 5.899_996e-2, 1.235_597_7e-2, -1.186_005_9e-2, -1.626_244_4e-2,
        -1.160_353_1e-2, -6.024_662e-3, -2.473_475_2e-3, -8.313_114_5e-4, -2.329_121_5e-4, -5.499_462e-5, -1.102_147e-5, -1.884_084_4e-6,
    ],
    [
        6.762_87e-2, 4.711_486e-2, 5.793_092_3e-3, -2.771_629_8e-2, -3.603_07e-2, -2.449_513_8e-2, -8.652_044e-3, 1.201_713_9e-3,
        4.005_582_5e-3, 3.164_413_2e-3, 1.664_822_5e-3, 6.700_863e-4, 2.169_184_2e-4, 5.787_868_6e-5, 1.291_087_85e-5, 2.429_695_8e-6,
    ],
    [
        -5.485_752_6e-3, -1.885_479_5e-2, -2.279_660_9e-2, -1.174_800_6e-2, 2.176_825_7e-3, 8.765_029e-3, 7.403_896_7e-3, 3.186_643_6e-3,
        1.774_437_8e-4, -8.180_318e-4, -7.080_049e-4, -3.695_788e-4, -1.430_826_7e-4, -4.384_978_5e-5, -1.096_463_7e-5, -2.275_409_3e-6,
    ],
];

/// GELU of 16 values, absolute error below 5e-8 plus half a unit in the last place of the result.
///
/// # Safety
///
/// The CPU has AVX-512 F and DQ.
#[inline(always)]
pub(super) unsafe fn gelu(x: __m512) -> __m512 {
    // SAFETY: the CPU has the instructions; the loads are of 16 values each from a static table.
    unsafe {
        let a = _mm512_min_ps(_mm512_abs_ps(x), _mm512_set1_ps(LAST));
        let rounded = _mm512_fmadd_ps(a, _mm512_set1_ps(1.0 / STEP), _mm512_set1_ps(ROUND));
        let piece = _mm512_castps_si512(rounded);
        let centre = _mm512_sub_ps(rounded, _mm512_set1_ps(ROUND));
        let u = _mm512_fnmadd_ps(centre, _mm512_set1_ps(STEP), a);
        let row = |power: usize| _mm512_permutexvar_ps(piece, _mm512_loadu_ps(COEFFICIENTS[power].as_ptr()));
        let mut g = row(5);
        for power in [4, 3, 2, 1, 0] {
            g = _mm512_fmadd_ps(g, u, row(power));
        }
        _mm512_sub_ps(_mm512_max_ps(x, _mm512_setzero_ps()), g)
    }
}
