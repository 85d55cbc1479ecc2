//! BERT: all-MiniLM, paraphrase-MiniLM, bge-*-en, e5-*-en, gte-*, snowflake-arctic-embed and others.
//!
//! Source: `BertModel` of transformers, `src/transformers/models/bert/modeling_bert.py`.

use serde::Deserialize;
use serde_json::Value;

use super::activation;
use crate::error::{Error, Result};
use crate::spec::{EmbeddingsSpec, EncoderSpec, LayerSpec, LinearSpec, NormSpec, TableSpec};
use crate::weights::Weights;

/// Bounds that no published BERT comes near; beyond them a config is damaged, and sizes can't overflow below them.
const MAX_SIZE: usize = 1 << 20;
const MAX_LAYERS: usize = 1 << 10;

/// The fields of `config.json` that change the vectors, with the defaults of transformers' `BertConfig`.
#[derive(Debug, Deserialize)]
struct BertConfig {
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "default_type_vocab_size")]
    type_vocab_size: usize,
    #[serde(default = "default_hidden_act")]
    hidden_act: String,
    #[serde(default = "default_layer_norm_eps")]
    layer_norm_eps: f64,
    #[serde(default = "default_position_embedding_type")]
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
    #[serde(default)]
    add_cross_attention: bool,
}

fn default_type_vocab_size() -> usize {
    2
}

fn default_hidden_act() -> String {
    "gelu".to_owned()
}

fn default_layer_norm_eps() -> f64 {
    1e-12
}

fn default_position_embedding_type() -> Option<String> {
    Some("absolute".to_owned())
}

impl BertConfig {
    fn check(&self) -> Result<()> {
        let sizes = [
            ("hidden_size", self.hidden_size, MAX_SIZE),
            ("num_hidden_layers", self.num_hidden_layers, MAX_LAYERS),
            ("num_attention_heads", self.num_attention_heads, MAX_SIZE),
            ("intermediate_size", self.intermediate_size, MAX_SIZE),
            ("vocab_size", self.vocab_size, MAX_SIZE * 8),
            ("max_position_embeddings", self.max_position_embeddings, MAX_SIZE),
            ("type_vocab_size", self.type_vocab_size, MAX_SIZE),
        ];
        for (name, size, limit) in sizes {
            if size == 0 || size > limit {
                return Err(Error::invalid_model(format!("config.json says {name} {size}; it must be 1 to {limit}")));
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return Err(Error::invalid_model(format!(
                "config.json: hidden_size {} is not a multiple of num_attention_heads {}",
                self.hidden_size, self.num_attention_heads
            )));
        }
        if !(self.layer_norm_eps >= 0.0 && self.layer_norm_eps < 1.0) {
            return Err(Error::invalid_model(format!("config.json says layer_norm_eps {}", self.layer_norm_eps)));
        }
        if let Some(positions) = self.position_embedding_type.as_deref().filter(|kind| *kind != "absolute") {
            return Err(Error::unsupported(format!(
                "config.json says position_embedding_type {positions:?}; BERT is supported with \"absolute\""
            )));
        }
        if self.is_decoder || self.add_cross_attention {
            return Err(Error::unsupported("config.json describes a decoder; only encoders are supported"));
        }
        Ok(())
    }
}

/// The encoder that `config` and the tensors of `weights` describe.
pub(super) fn describe(config: &Value, weights: &Weights) -> Result<EncoderSpec> {
    let config = BertConfig::deserialize(config)
        .map_err(|error| Error::invalid_model(format!("config.json is not a BERT configuration: {error}")))?;
    config.check()?;
    let prefix = prefix(weights)?;
    let hidden = config.hidden_size;
    let table = |name: &str, rows| TableSpec { weight: format!("{prefix}embeddings.{name}_embeddings.weight"), rows };
    let norm = |name: String| norm(weights, &name);
    let layers = (0..config.num_hidden_layers).map(|layer| {
        let name = |part: &str| format!("{prefix}encoder.layer.{layer}.{part}");
        LayerSpec {
            query: linear(name("attention.self.query"), hidden, hidden),
            key: linear(name("attention.self.key"), hidden, hidden),
            value: linear(name("attention.self.value"), hidden, hidden),
            attention_output: linear(name("attention.output.dense"), hidden, hidden),
            attention_norm: norm(name("attention.output.LayerNorm")),
            up: linear(name("intermediate.dense"), hidden, config.intermediate_size),
            down: linear(name("output.dense"), config.intermediate_size, hidden),
            output_norm: norm(name("output.LayerNorm")),
        }
    });
    Ok(EncoderSpec {
        hidden_size: hidden,
        heads: config.num_attention_heads,
        layer_norm_eps: config.layer_norm_eps as f32,
        activation: activation(&config.hidden_act)?,
        embeddings: EmbeddingsSpec {
            word: table("word", config.vocab_size),
            position: table("position", config.max_position_embeddings),
            segment: table("token_type", config.type_vocab_size),
            norm: norm(format!("{prefix}embeddings.LayerNorm")),
        },
        layers: layers.collect(),
    })
}

/// What stands before `embeddings.` in the tensor names: nothing, or the name that a class with a head gives the
/// encoder (`bert.` in `BertForMaskedLM`).
fn prefix(weights: &Weights) -> Result<String> {
    const WORDS: &str = "embeddings.word_embeddings.weight";
    ["", "bert."]
        .into_iter()
        .find(|prefix| weights.contains(&format!("{prefix}{WORDS}")))
        .map(str::to_owned)
        .ok_or_else(|| Error::invalid_model(format!("the weights lack tensor {WORDS}")))
}

fn linear(name: String, inputs: usize, outputs: usize) -> LinearSpec {
    LinearSpec { weight: format!("{name}.weight"), bias: format!("{name}.bias"), inputs, outputs }
}

/// Checkpoints converted from TensorFlow call the two tensors `gamma` and `beta`.
fn norm(weights: &Weights, name: &str) -> NormSpec {
    let (weight, bias) =
        if weights.contains(&format!("{name}.gamma")) { ("gamma", "beta") } else { ("weight", "bias") };
    NormSpec { weight: format!("{name}.{weight}"), bias: format!("{name}.{bias}") }
}
