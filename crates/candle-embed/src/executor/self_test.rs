//! Two small made-up encoders that between them use every operation of a network and of pooling, to see whether a device
//! computes them rightly.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::PackedTokens;
use super::device_head::DeviceHead;
use super::network::{LoadError, Network};
use crate::error::Error;
use crate::head::VectorShape;
use crate::pooling::{Pooling, PoolingMode};
use crate::spec::{
    Activation, DistanceBiasSpec, EmbeddingsSpec, EncoderSpec, LayerSpec, LinearSpec, NormSpec, PositionSpec,
    RotarySpec, TableSpec,
};
use crate::weights::Weights;

/// Two heads of 32 channels, which is what fused attention takes.
const HIDDEN: usize = 64;
const LONGEST: usize = 48;
const VOCABULARY: usize = 97;

/// The least cosine of the vectors of `device` in `dtype` to those of the CPU in float32.
pub(crate) fn least_cosine(device: &Device, dtype: DType) -> Result<f64, LoadError> {
    let lengths = [LONGEST, 41, 40, 17, 5, 1];
    let offsets: Vec<usize> = (0..=lengths.len()).map(|texts| lengths[..texts].iter().sum()).collect();
    let ids: Vec<u32> = (0..offsets[lengths.len()]).map(|at| (at * 31 % VOCABULARY) as u32).collect();
    let tokens = PackedTokens { ids: &ids, offsets: &offsets };
    let mut least = 1.0f64;
    for spec in [with_distance_bias(), with_rotary_and_windows()] {
        let weights = weights(&spec)?;
        let reference = vectors(&spec, &weights, &Device::Cpu, DType::F32, tokens)?;
        let vectors = vectors(&spec, &weights, device, dtype, tokens)?;
        for (vector, reference) in vectors.iter().zip(&reference) {
            let dot = |left: &[f32], right: &[f32]| -> f64 {
                left.iter().zip(right).map(|(left, right)| f64::from(*left) * f64::from(*right)).sum()
            };
            let cosine = dot(vector, reference) / (dot(vector, vector) * dot(reference, reference)).sqrt();
            // A NaN is no cosine either.
            least = if cosine >= least { least } else { cosine };
        }
    }
    Ok(least)
}

fn vectors(
    spec: &EncoderSpec,
    weights: &Weights,
    device: &Device,
    dtype: DType,
    tokens: PackedTokens<'_>,
) -> Result<Vec<Vec<f32>>, LoadError> {
    let network = Network::load(spec, weights, device, dtype, LONGEST)?;
    let states = network.encode(tokens, &mut |_, _, _| Ok(()))?;
    let head = DeviceHead::pooling_only(&Pooling::new(PoolingMode::ALL.to_vec()));
    let shape = VectorShape { dimensions: HIDDEN * PoolingMode::ALL.len(), normalize: true, skipped_tokens: 0 };
    Ok(head.vectors(&states, tokens, shape)?.to_vec2::<f32>()?)
}

fn linear(name: &str, inputs: usize, outputs: usize) -> LinearSpec {
    LinearSpec { weight: format!("{name}.weight"), bias: Some(format!("{name}.bias")), inputs, outputs }
}

fn norm(name: &str) -> NormSpec {
    NormSpec { weight: format!("{name}.weight"), bias: Some(format!("{name}.bias")) }
}

fn table(name: &str, rows: usize) -> TableSpec {
    TableSpec { weight: name.to_owned(), rows }
}

fn layer(name: &str, up: usize) -> LayerSpec {
    LayerSpec {
        query_key_value: vec![linear(&format!("{name}.qkv"), HIDDEN, 3 * HIDDEN)],
        rotary: None,
        window: None,
        attention_output: linear(&format!("{name}.attention"), HIDDEN, HIDDEN),
        attention_norm: Some(norm(&format!("{name}.attention_norm"))),
        up: vec![linear(&format!("{name}.up"), HIDDEN, up)],
        down: linear(&format!("{name}.down"), 2 * HIDDEN, HIDDEN),
        output_norm: norm(&format!("{name}.output_norm")),
    }
}

/// As MPNet: norms behind, learned positions, a bias on scores.
fn with_distance_bias() -> EncoderSpec {
    EncoderSpec {
        hidden_size: HIDDEN,
        heads: 2,
        layer_norm_eps: 1e-5,
        activation: Activation::GeluErf,
        gated: false,
        norm_first: false,
        max_positions: LONGEST,
        embeddings: EmbeddingsSpec {
            word: table("words", VOCABULARY),
            position: Some(PositionSpec { table: table("positions", LONGEST), padding: None }),
            segment: Some(table("segments", 1)),
            norm: norm("norm"),
        },
        distance_bias: Some(DistanceBiasSpec { weight: "bias".to_owned(), buckets: 8, max_distance: 16 }),
        layers: vec![layer("0", 2 * HIDDEN), layer("1", 2 * HIDDEN)],
        final_norm: None,
        norm_before_cut: false,
    }
}

/// As ModernBERT: norms first, rotary positions, a gate, a window in one of two layers; there, half of a head is turned.
fn with_rotary_and_windows() -> EncoderSpec {
    let turned = |name: &str, size, window| LayerSpec {
        rotary: Some(RotarySpec { base: 1000.0, size }),
        window,
        ..layer(name, 4 * HIDDEN)
    };
    EncoderSpec {
        activation: Activation::GeluTanh,
        gated: true,
        norm_first: true,
        embeddings: EmbeddingsSpec { position: None, segment: None, ..with_distance_bias().embeddings },
        distance_bias: None,
        layers: vec![turned("0", HIDDEN / 2, None), turned("1", HIDDEN / 4, Some(6))],
        final_norm: Some(norm("final")),
        ..with_distance_bias()
    }
}

/// Numbers for all tensors of `spec`, the same on every machine.
fn weights(spec: &EncoderSpec) -> Result<Weights, Error> {
    let matrices = spec.layers.iter().flat_map(LayerSpec::linears).map(LinearSpec::matrix);
    let bias = spec.distance_bias.as_ref().map(|bias| (bias.weight.as_str(), bias.buckets, spec.heads));
    let matrices = matrices.chain([spec.word_table()]).chain(spec.small_tables()).chain(bias);
    let shapes = matrices.map(|(name, rows, columns)| (name, vec![rows, columns]));
    let shapes = shapes.chain(spec.vectors().map(|(name, length)| (name, vec![length])));
    let mut state = 1u32;
    let mut number = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(state >> 8) / f64::from(1 << 23) - 1.0) as f32
    };
    let tensors: HashMap<String, (Vec<usize>, Vec<u8>)> = shapes
        .map(|(name, shape)| {
            // Norms near one; of matrices about what keeps a sum of their inputs near one.
            let (middle, size) = match (name.contains("norm.weight"), shape.len()) {
                (true, _) => (1.0, 0.2),
                (false, 1) => (0.0, 0.1),
                (false, _) => (0.0, 0.25),
            };
            let count: usize = shape.iter().product();
            let bytes = (0..count).flat_map(|_| (middle + size * number()).to_le_bytes()).collect();
            (name.to_owned(), (shape, bytes))
        })
        .collect();
    let views = tensors.iter().map(|(name, (shape, bytes))| {
        TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view)).map_err(Error::internal)
    });
    let bytes = safetensors::serialize(views.collect::<Result<Vec<_>, _>>()?, None).map_err(Error::internal)?;
    Weights::from_bytes(Path::new("self-test"), bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_passes_in_every_arithmetic() {
        for (dtype, least) in [(DType::F32, 0.999_999_9), (DType::F16, 0.9999), (DType::BF16, 0.999)] {
            let cosine = least_cosine(&Device::Cpu, dtype).unwrap();
            assert!(cosine >= least && cosine < 1.0 + 1e-9, "{dtype:?}: {cosine}");
        }
    }
}
