//! The vectors of a call in the numbers that were asked for.
//!
//! Bit packing is that of sentence-transformers' `quantize_embeddings`. Its int8 needs ranges that depend on a
//! calibration set; ours depends on the vector alone, so that a text has the same bytes in every call.

use crate::options::OutputType;

/// All vectors of a call, row after row.
#[derive(Debug, Clone, PartialEq)]
pub enum OutputData {
    /// For [`OutputType::Float32`].
    Float32(Vec<f32>),
    /// For [`OutputType::Int8`] and [`OutputType::Binary`].
    Int8(Vec<i8>),
    /// For [`OutputType::Uint8`] and [`OutputType::Ubinary`].
    Uint8(Vec<u8>),
}

impl OutputData {
    /// Room for `count` vectors of `dimensions` components.
    pub(crate) fn new(output: OutputType, count: usize, dimensions: usize) -> Self {
        let elements = count * row_elements(output, dimensions);
        match output {
            OutputType::Float32 => Self::Float32(vec![0.0; elements]),
            OutputType::Int8 | OutputType::Binary => Self::Int8(vec![0; elements]),
            OutputType::Uint8 | OutputType::Ubinary => Self::Uint8(vec![0; elements]),
        }
    }

    /// Writes `vector` as row `index`.
    pub(crate) fn write(&mut self, output: OutputType, index: usize, vector: &[f32]) {
        let size = row_elements(output, vector.len());
        let row = index * size..(index + 1) * size;
        match self {
            Self::Float32(data) => data[row].copy_from_slice(vector),
            Self::Int8(data) => {
                let target = &mut data[row];
                match output {
                    OutputType::Binary => {
                        target.iter_mut().zip(pack_bits(vector)).for_each(|(out, byte)| *out = (byte ^ 0x80) as i8);
                    }
                    _ => target.iter_mut().zip(to_int8(vector)).for_each(|(out, value)| *out = value),
                }
            }
            Self::Uint8(data) => {
                let target = &mut data[row];
                match output {
                    OutputType::Ubinary => target.iter_mut().zip(pack_bits(vector)).for_each(|(out, byte)| *out = byte),
                    _ => target.iter_mut().zip(to_int8(vector)).for_each(|(out, value)| *out = (value as u8) ^ 0x80),
                }
            }
        }
    }
}

/// Array elements of one vector.
fn row_elements(output: OutputType, dimensions: usize) -> usize {
    match output {
        OutputType::Binary | OutputType::Ubinary => dimensions / 8,
        _ => dimensions,
    }
}

fn to_int8(vector: &[f32]) -> impl Iterator<Item = i8> {
    let largest = vector.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let scale = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    vector.iter().map(move |value| (value * scale).round_ties_even() as i8)
}

fn pack_bits(vector: &[f32]) -> impl Iterator<Item = u8> {
    vector.chunks_exact(8).map(|values| values.iter().fold(0, |byte, value| byte << 1 | u8::from(*value > 0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTOR: [f32; 8] = [0.5, -1.0, 0.25, 0.0, -0.1, 0.1, 0.2, 1.0];

    fn written(output: OutputType) -> OutputData {
        let mut data = OutputData::new(output, 1, VECTOR.len());
        data.write(output, 0, &VECTOR);
        data
    }

    #[test]
    fn bits_are_packed_like_numpy() {
        // numpy.packbits([1, 0, 1, 0, 0, 1, 1, 1]) is 167; 167 - 128 is 39.
        assert_eq!(written(OutputType::Ubinary), OutputData::Uint8(vec![167]));
        assert_eq!(written(OutputType::Binary), OutputData::Int8(vec![39]));
    }

    #[test]
    fn int8_keeps_the_direction() {
        assert_eq!(written(OutputType::Int8), OutputData::Int8(vec![64, -127, 32, 0, -13, 13, 25, 127]));
        assert_eq!(written(OutputType::Uint8), OutputData::Uint8(vec![192, 1, 160, 128, 115, 141, 153, 255]));
    }

    #[test]
    fn a_zero_vector_stays_zero() {
        let mut data = OutputData::new(OutputType::Int8, 1, 8);
        data.write(OutputType::Int8, 0, &[0.0; 8]);
        assert_eq!(data, OutputData::Int8(vec![0; 8]));
    }
}
