//! Tables of positions that both executors read: rotary angles and biases by distance.

use crate::error::{Error, Result};
use crate::spec::{DistanceBiasSpec, EncoderSpec, RotarySpec};
use crate::weights::Weights;

/// Largest tables of one rotary spec, in bytes: twice what 131,072 tokens of heads with 128 channels take. A model has
/// two specs at most.
const MAX_ROTARY_BYTES: usize = 128 << 20;

/// Cosines and sines of a rotary spec, `[positions][size / 2]` each.
///
/// Frequencies and angles are rounded to float32 where transformers rounds them (`modeling_rope_utils.py`): at position
/// 8,000 a rounding moves an angle by 5e-4, so exacter ones would be different ones.
pub(super) fn rotary_tables(rotary: &RotarySpec, positions: usize) -> Result<(Vec<f32>, Vec<f32>)> {
    let pairs = rotary.size / 2;
    let bytes = positions.saturating_mul(pairs).saturating_mul(2 * size_of::<f32>());
    if bytes > MAX_ROTARY_BYTES {
        return Err(Error::invalid_model(format!(
            "rotary positions of {} channels for texts of {positions} tokens take {bytes} bytes; at most \
             {MAX_ROTARY_BYTES} are made, so give the folder a smaller max_seq_length or max_position_embeddings",
            rotary.size
        )));
    }
    let frequencies: Vec<f32> = (0..pairs)
        .map(|pair| {
            let exponent = (2 * pair) as f32 / rotary.size as f32;
            1.0 / rotary.base.powf(f64::from(exponent)) as f32
        })
        .collect();
    // No other angle is larger, and an infinite frequency turns position 0 by NaN.
    let largest = frequencies.iter().copied().fold(0.0, f32::max) * positions as f32;
    if !largest.is_finite() {
        return Err(Error::invalid_model(format!(
            "config.json's base of rotary positions, {}, gives angles that are not finite",
            rotary.base
        )));
    }
    let angles = || (0..positions).flat_map(|position| frequencies.iter().map(move |each| position as f32 * each));
    let of = |turn: fn(f64) -> f64| angles().map(|angle| turn(f64::from(angle)) as f32).collect();
    Ok((of(f64::cos), of(f64::sin)))
}

/// The bias of each head and distance: `[heads][2 * longest - 1]`, entry `longest - 1 + (key - query)`.
pub(super) fn distance_bias(
    bias: &DistanceBiasSpec,
    spec: &EncoderSpec,
    weights: &Weights,
    longest: usize,
) -> Result<Vec<f32>> {
    let rows = weights.matrix_values(&bias.weight, bias.buckets, spec.heads)?;
    let distances = || (0..2 * longest - 1).map(|at| at as i64 - (longest as i64 - 1));
    let heads = (0..spec.heads).flat_map(|head| distances().map(move |distance| (head, distance)));
    Ok(heads.map(|(head, distance)| rows[bucket(distance, bias) * spec.heads + head]).collect())
}

/// The bucket of a distance `key - query`: half of the buckets are for keys after the query; of each half, the first half
/// is one distance each, the others grow exponentially (`relative_position_bucket` of `modeling_mpnet.py`).
fn bucket(distance: i64, bias: &DistanceBiasSpec) -> usize {
    let half = bias.buckets / 2;
    let side = if distance > 0 { half } else { 0 };
    let distance = distance.unsigned_abs() as usize;
    let exact = half / 2;
    if distance < exact {
        return side + distance;
    }
    // In float32 as there: the borders are where a logarithm is rounded.
    let span = (bias.max_distance as f64 / exact as f64).ln() as f32;
    let steps = (distance as f32 / exact as f32).ln() / span * (half - exact) as f32;
    side + (exact + steps as usize).min(half - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    /// Where a new bucket starts, as `relative_position_bucket` gives it for distances up to 600.
    #[test]
    fn buckets_start_where_mpnet_has_them() {
        let bias = DistanceBiasSpec { weight: String::new(), buckets: 32, max_distance: 128 };
        let starts: Vec<i64> = (1..600).filter(|at| bucket(-at, &bias) != bucket(1 - at, &bias)).collect();
        assert_eq!(starts, MPNET_STARTS);
        assert_eq!((bucket(0, &bias), bucket(-1, &bias), bucket(1, &bias)), (0, 1, 17));
        assert_eq!((bucket(-600, &bias), bucket(600, &bias)), (15, 31));
    }

    const MPNET_STARTS: [i64; 15] = [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91];

    #[test]
    fn angles_grow_with_the_position() {
        let (cosines, sines) = rotary_tables(&RotarySpec { base: 100.0, size: 4 }, 3).unwrap();
        let angles = [0.0, 0.0, 1.0, 0.1, 2.0, 0.2f32];
        for (at, angle) in angles.into_iter().enumerate() {
            assert!((cosines[at] - angle.cos()).abs() < 1e-6 && (sines[at] - angle.sin()).abs() < 1e-6);
        }
    }
    #[test]
    fn tables_are_bounded_before_they_are_made() {
        let rotary = |size| RotarySpec { base: 10_000.0, size };
        assert!(rotary_tables(&rotary(64), 8192).is_ok());
        for (size, positions) in [(512, 1 << 20), (66, 1 << 20), (2, usize::MAX)] {
            assert_eq!(rotary_tables(&rotary(size), positions).unwrap_err().code, ErrorCode::ModelInvalid);
        }
    }

    #[test]
    fn angles_are_numbers() {
        for base in [1e-300, 1e-37] {
            let error = rotary_tables(&RotarySpec { base, size: 64 }, 8192).unwrap_err();
            assert_eq!(error.code, ErrorCode::ModelInvalid, "{base}");
        }
    }
}
