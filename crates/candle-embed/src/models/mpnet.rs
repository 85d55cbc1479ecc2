//! MPNet: all-mpnet-base-v2, multi-qa-mpnet-base-*, paraphrase-mpnet-base-v2. BERT's layers without segments, positions
//! counted as RoBERTa counts them, and a bias by distance on all scores.
//!
//! Source: `MPNetModel` of transformers, `modeling_mpnet.py`.

use serde::Deserialize;
use serde_json::Value;

use super::parts::{
    MAX_LAYERS, MAX_SIZE, MAX_VOCABULARY, activation, check_epsilon, check_heads, check_sizes, linear, norm, prefix,
    read,
};
use crate::error::{Error, Result};
use crate::spec::{DistanceBiasSpec, EmbeddingsSpec, EncoderSpec, LayerSpec, PositionSpec, TableSpec};
use crate::weights::Weights;

/// The fields of `config.json` that change the vectors, with the defaults of transformers' `MPNetConfig`.
#[derive(Debug, Deserialize)]
struct MpNetConfig {
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "default_hidden_act")]
    hidden_act: String,
    #[serde(default = "default_layer_norm_eps")]
    layer_norm_eps: f64,
    #[serde(default = "default_buckets")]
    relative_attention_num_buckets: usize,
}

fn default_hidden_act() -> String {
    "gelu".to_owned()
}

fn default_layer_norm_eps() -> f64 {
    1e-12
}

fn default_buckets() -> usize {
    BUCKETS
}

/// transformers computes with these whatever the configuration says (the id of padding, too).
const BUCKETS: usize = 32;
const MAX_DISTANCE: usize = 128;
const PADDING: u32 = 1;

/// The encoder that `config` and the tensors of `weights` describe.
pub(super) fn describe(config: &Value, weights: &Weights) -> Result<EncoderSpec> {
    let config: MpNetConfig = read(config, "MPNet")?;
    check_sizes(&[
        ("hidden_size", config.hidden_size, MAX_SIZE),
        ("num_hidden_layers", config.num_hidden_layers, MAX_LAYERS),
        ("num_attention_heads", config.num_attention_heads, MAX_SIZE),
        ("intermediate_size", config.intermediate_size, MAX_SIZE),
        ("vocab_size", config.vocab_size, MAX_VOCABULARY),
        ("max_position_embeddings", config.max_position_embeddings, MAX_SIZE),
    ])?;
    check_heads(("hidden_size", config.hidden_size), ("num_attention_heads", config.num_attention_heads))?;
    check_epsilon("layer_norm_eps", config.layer_norm_eps)?;
    if config.max_position_embeddings <= PADDING as usize + 1 {
        return Err(Error::invalid_model(format!(
            "config.json says max_position_embeddings {}; the first {} are no text's",
            config.max_position_embeddings,
            PADDING + 1
        )));
    }
    if config.relative_attention_num_buckets != BUCKETS {
        return Err(Error::unsupported(format!(
            "config.json says relative_attention_num_buckets {}; only {BUCKETS} is supported",
            config.relative_attention_num_buckets
        )));
    }
    let prefix = prefix(weights, "mpnet.", "embeddings.word_embeddings.weight")?;
    let hidden = config.hidden_size;
    let table = |name: &str, rows| TableSpec { weight: format!("{prefix}embeddings.{name}_embeddings.weight"), rows };
    let norm = |name: String| norm(weights, &name);
    let layers = (0..config.num_hidden_layers).map(|layer| {
        let name = |part: &str| format!("{prefix}encoder.layer.{layer}.{part}");
        let linear = |part: &str, inputs, outputs| linear(&name(part), true, inputs, outputs);
        LayerSpec {
            query_key_value: ["q", "k", "v"]
                .map(|part| linear(&format!("attention.attn.{part}"), hidden, hidden))
                .into(),
            rotary: None,
            window: None,
            attention_output: linear("attention.attn.o", hidden, hidden),
            attention_norm: Some(norm(name("attention.LayerNorm"))),
            up: vec![linear("intermediate.dense", hidden, config.intermediate_size)],
            down: linear("output.dense", config.intermediate_size, hidden),
            output_norm: norm(name("output.LayerNorm")),
        }
    });
    Ok(EncoderSpec {
        hidden_size: hidden,
        heads: config.num_attention_heads,
        layer_norm_eps: config.layer_norm_eps as f32,
        activation: activation("hidden_act", &config.hidden_act)?,
        gated: false,
        norm_first: false,
        max_positions: config.max_position_embeddings,
        embeddings: EmbeddingsSpec {
            word: table("word", config.vocab_size),
            position: Some(PositionSpec {
                table: table("position", config.max_position_embeddings),
                padding: Some(PADDING),
            }),
            segment: None,
            norm: norm(format!("{prefix}embeddings.LayerNorm")),
        },
        distance_bias: Some(DistanceBiasSpec {
            weight: format!("{prefix}encoder.relative_attention_bias.weight"),
            buckets: BUCKETS,
            max_distance: MAX_DISTANCE,
        }),
        layers: layers.collect(),
        final_norm: None,
        norm_before_cut: false,
    })
}
