//! Unit length and dimension cuts.

/// Scales `vector` to unit length; a vector shorter than 1e-12 is divided by 1e-12 (`torch.nn.functional.normalize`).
///
/// The sum of squares is taken in f64, so its order does not show in the result's last bits.
pub fn normalize(vector: &mut [f32]) {
    // Eight sums: in one, each addition waits four cycles for the one before.
    let mut sums = [0.0f64; 8];
    let (eights, rest) = vector.as_chunks::<8>();
    for values in eights {
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(*value) * f64::from(*value));
    }
    sums.iter_mut().zip(rest).for_each(|(sum, value)| *sum += f64::from(*value) * f64::from(*value));
    let scale = (sums.iter().sum::<f64>().sqrt() as f32).max(1e-12);
    vector.iter_mut().for_each(|value| *value /= scale);
}

#[cfg(test)]
mod tests {
    use super::normalize;

    #[test]
    fn unit_length_and_zero() {
        let mut vector = [3.0, 4.0];
        normalize(&mut vector);
        assert_eq!(vector, [0.6, 0.8]);
        let mut zero = [0.0; 2];
        normalize(&mut zero);
        assert_eq!(zero, [0.0; 2]);
    }
}
