//! Exact (erf) GELU as a piecewise polynomial whose coefficients `vpermt2ps` looks up: 15 operations a vector, no division,
//! no exponential.
//!
//! `gelu(x) = max(x, 0) - g(|x|)` with `g(a) = a * (1 - Phi(a))`, which is bounded by 0.17 and falls to 3e-8 at 5.75.
//! 32 pieces of width `STEP`, centred on its multiples, each a Chebyshev fit of degree 4; the largest error of the fit is
//! 1.4e-8. Two registers of coefficients a power cost nothing beside one (they are read by the load ports), and 16 pieces
//! would need degree 5 and a sixth look-up.

use std::arch::x86_64::*;

/// 5.75 / 31.5
const STEP: f32 = 0.182_539_69;
/// Just below 31.5 steps, so that rounding never gives a thirty-third piece.
const LAST: f32 = 5.749_99;
/// Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
const ROUND: f32 = 12_582_912.0;

/// `COEFFICIENTS[power][piece]`
#[rustfmt::skip]
static COEFFICIENTS: [[f32; 32]; 5] = [
    [
        0.0, 7.805_025e-2, 0.130_525_4, 0.159_892_04, 0.169_868_93, 0.164_925_14, 0.149_725_81, 0.128_626_1,
        0.105_290_964, 8.248_169e-2, 6.200_979_3e-2, 4.482_722e-2, 3.120_302_4e-2, 2.093_415_7e-2, 1.354_679_8e-2, 8.460_189e-3,
        5.101_164e-3, 2.970_616_3e-3, 1.671_181_9e-3, 9.084_256e-4, 4.772_156e-4, 2.423_019_8e-4, 1.189_222_9e-4, 5.642_506e-5,
        2.588_302_8e-5, 1.147_939_5e-5, 4.922_728_7e-6, 2.041_242_4e-6, 8.184_663_3e-7, 3.173_497_3e-7, 1.189_920_8e-7, 4.314_699e-8,
    ],
    [
        0.5, 0.355_960_25, 0.221_270_58, 0.103_929_1, 9.516_413e-3, -5.937_554e-2, -0.103_143_94, -0.124_669_42,
        -0.128_477_38, -0.119_788_006, -0.103_660_76, -8.437_502_4e-2, -6.510_326e-2, -4.785_581e-2, -3.362_483_5e-2, -2.263_608e-2,
        -1.462_526_6e-2, -9.080_889e-3, -5.423_837e-3, -3.118_729_2e-3, -1.727_478_5e-3, -9.222_14e-4, -4.746_964_6e-4, -2.356_765_2e-4,
        -1.128_910_6e-4, -5.218_592_6e-5, -2.328_574_6e-5, -1.003_112_1e-5, -4.172_54e-6, -1.676_114_7e-6, -6.502_981e-7, -2.437_102_2e-7,
    ],
    [
        -0.398_943_6, -0.385_813_77, -0.348_350_35, -0.291_902_8, -0.224_131_67, -0.153_481_83, -8.764_744e-2, -3.238_512_6e-2,
        9.101_286_5e-3, 3.616_322_2e-2, 5.021_776e-2, 5.398_423e-2, 5.068_089_8e-2, 4.336_416_7e-2, 3.450_665_6e-2, 2.582_444_4e-2,
        1.830_256e-2, 1.234_032_5e-2, 7.940_68e-3, 4.887_768_5e-3, 2.882_978_4e-3, 1.631_676e-3, 8.870_529e-4, 4.636_172_4e-4,
        2.331_137_5e-4, 1.128_304_94e-4, 5.259_531e-5, 2.362_159_1e-5, 1.022_508_1e-5, 4.267_295_5e-6, 1.717_445_2e-6, 6.667_434e-7,
    ],
    [
        3.641_766_7e-5, 4.723_921_8e-2, 8.761_507e-2, 0.115_725_525, 0.128_687_23, 0.126_521_29, 0.111_818_4, 8.885_173_5e-2,
        6.244_494_8e-2, 3.692_577_8e-2, 1.541_127_4e-2, -4.723_116_3e-4, -1.047_483_8e-2, -1.534_859_6e-2, -1.638_146_3e-2, -1.497_611_9e-2,
        -1.235_664_9e-2, -9.422_802e-3, -6.727_548e-3, -4.532_683_6e-3, -2.896_891e-3, -1.762_629_7e-3, -1.023_740_2e-3, -5.687_009_5e-4,
        -3.026_325e-4, -1.544_607_4e-4, -7.568_735e-5, -3.563_579e-5, -1.613_257_7e-5, -7.026_284e-6, -2.945_545_7e-6, -1.189_071_3e-6,
    ],
    [
        6.614_825e-2, 6.148_588_3e-2, 4.789_699e-2, 2.845_878_3e-2, 7.057_884e-3, -1.240_020_9e-2, -2.690_715_2e-2, -3.491_71e-2,
        -3.644_71e-2, -3.276_219_2e-2, -2.581_465_4e-2, -1.764_669_3e-2, -9.927_92e-3, -3.714_740_3e-3, 5.706_727e-4, 3.006_588e-3,
        3.970_454e-3, 3.945_672_4e-3, 3.381_581_5e-3, 2.619_582_7e-3, 1.875_262_5e-3, 1.255_923e-3, 7.929_716_4e-4, 4.744_264_3e-4,
        2.699_406e-4, 1.464_585_2e-4, 7.592_628e-5, 3.766_976_8e-5, 1.790_902_4e-5, 8.167_357e-6, 3.575_995_8e-6, 1.504_296_4e-6,
    ],
];

/// GELU of 16 values, absolute error below 5e-8 plus half a unit in the last place of the result.
///
/// # Safety
///
/// The CPU has AVX-512 F and DQ.
#[inline(always)]
pub(super) unsafe fn gelu(x: __m512) -> __m512 {
    // SAFETY: the CPU has the instructions; the loads are of 2 x 16 values each from a static table.
    unsafe {
        // The smaller absolute value, sign cleared.
        let a = _mm512_range_ps::<0b1010>(x, _mm512_set1_ps(LAST));
        let rounded = _mm512_fmadd_ps(a, _mm512_set1_ps(1.0 / STEP), _mm512_set1_ps(ROUND));
        let piece = _mm512_castps_si512(rounded);
        let centre = _mm512_sub_ps(rounded, _mm512_set1_ps(ROUND));
        let u = _mm512_fnmadd_ps(centre, _mm512_set1_ps(STEP), a);
        let row = |power: usize| {
            let row = COEFFICIENTS[power].as_ptr();
            _mm512_permutex2var_ps(_mm512_loadu_ps(row), piece, _mm512_loadu_ps(row.add(16)))
        };
        let mut g = row(4);
        for power in [3, 2, 1, 0] {
            g = _mm512_fmadd_ps(g, u, row(power));
        }
        _mm512_sub_ps(_mm512_max_ps(_mm512_setzero_ps(), x), g)
    }
}

/// 4.8 / 15.5
const COARSE_STEP: f32 = 0.309_677_42;
/// Just below 15.5 steps.
const COARSE_LAST: f32 = 4.799_99;

/// `COARSE[power][piece]`: 16 pieces of degree 3.
#[rustfmt::skip]
static COARSE: [[f32; 16]; 4] = [
    [
        -2.941_792_7e-7, 0.117_179_126, 0.165_887_39, 0.163_915_89, 0.133_444_3, 0.094_089_59, 0.058_679_29, 0.032_710_19,
        0.016_392_697, 7.411_010_6e-3, 3.028_963e-3, 1.120_740_7e-3, 3.757_656e-4, 1.142_377_8e-4, 3.150_508_6e-5, 7.884_448e-6,
    ],
    [
        0.500_060_9, 0.260_648_6, 0.063_884_85, -0.064_283_36, -0.121_721_81, -0.125_521_87, -0.100_336_604, -0.067_425_66,
        -0.039_319_605, -0.020_212_108, -9.239_921e-3, -3.777_027_6e-3, -1.385_546_5e-3, -4.572_620_4e-4, -1.360_077_4e-4, -3.650_882_4e-5,
    ],
    [
        -0.400_914_94, -0.360_766_9, -0.265_673, -0.147_624_72, -0.043_929_905, 0.023_068_702, 0.050_972_64, 0.051_109_463,
        0.038_334_31, 0.023_746_548, 0.012_616_871, 5.857_683_7e-3, 2.401_892_3e-3, 8.756_908_4e-4, 2.851_569_4e-4, 8.320_464e-5,
    ],
    [
        0.020_456_87, 0.076_028_496, 0.122_088_544, 0.125_191, 0.094_049_42, 0.049_898_487, 0.012_356_238, -9.327_834e-3,
        -0.016_204_009, -0.014_313_497, -9.533_379e-3, -5.234_656e-3, -2.456_261_8e-3, -1.003_239_3e-3, -3.605_726_2e-4, -1.148_380_76e-4,
    ],
];

/// GELU of 16 values, absolute error below 4e-6, for values that become bytes next: a table of one register a power.
///
/// # Safety
///
/// As [`gelu`].
#[inline(always)]
pub(super) unsafe fn gelu_coarse(x: __m512) -> __m512 {
    // SAFETY: the CPU has the instructions; the loads are of 16 values each from a static table.
    unsafe {
        let a = _mm512_range_ps::<0b1010>(x, _mm512_set1_ps(COARSE_LAST));
        let rounded = _mm512_fmadd_ps(a, _mm512_set1_ps(1.0 / COARSE_STEP), _mm512_set1_ps(ROUND));
        let piece = _mm512_castps_si512(rounded);
        let centre = _mm512_sub_ps(rounded, _mm512_set1_ps(ROUND));
        let u = _mm512_fnmadd_ps(centre, _mm512_set1_ps(COARSE_STEP), a);
        let row = |power: usize| _mm512_permutexvar_ps(piece, _mm512_loadu_ps(COARSE[power].as_ptr()));
        let mut g = row(3);
        for power in [2, 1, 0] {
            g = _mm512_fmadd_ps(g, u, row(power));
        }
        _mm512_sub_ps(_mm512_max_ps(_mm512_setzero_ps(), x), g)
    }
}
