//! Unit length and dimension cuts.

/// Scales `vector` to unit length; a vector shorter than 1e-12 is divided by 1e-12 (`torch.nn.functional.normalize`).
///
/// The sum of squares is taken in f64, so its order does not show in the result's last bits.
pub fn normalize(vector: &mut [f32]) {
    let squares: f64 = vector.iter().map(|value| f64::from(*value) * f64::from(*value)).sum();
    let scale = (squares.sqrt() as f32).max(1e-12);
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
