//! DistilBERT: msmarco-distilbert-*, multi-qa-distilbert-*, distiluse (whose tanh layer is a Dense module) and others.
//! BERT without segments, under other names.
//!
//! Source: `DistilBertModel` of transformers, `modeling_distilbert.py`. Sinusoidal positions are a table in the weights
//! as well.

use serde::Deserialize;
use serde_json::Value;

use super::parts::{
    MAX_LAYERS, MAX_SIZE, MAX_VOCABULARY, activation, check_heads, check_sizes, linear, norm, prefix, read, table,
};
use crate::error::Result;
use crate::spec::{EmbeddingsSpec, EncoderSpec, LayerSpec, PositionSpec};
use crate::weights::Weights;

/// The fields of `config.json` that change the vectors, with the defaults of transformers' `DistilBertConfig`.
#[derive(Debug, Deserialize)]
struct DistilBertConfig {
    dim: usize,
    n_layers: usize,
    n_heads: usize,
    hidden_dim: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "default_activation")]
    activation: String,
}

fn default_activation() -> String {
    "gelu".to_owned()
}

/// Not in the configuration.
const LAYER_NORM_EPS: f32 = 1e-12;

/// The encoder that `config` and the tensors of `weights` describe.
pub(super) fn describe(config: &Value, weights: &Weights) -> Result<EncoderSpec> {
    let config: DistilBertConfig = read(config, "DistilBERT")?;
    check_sizes(&[
        ("dim", config.dim, MAX_SIZE),
        ("n_layers", config.n_layers, MAX_LAYERS),
        ("n_heads", config.n_heads, MAX_SIZE),
        ("hidden_dim", config.hidden_dim, MAX_SIZE),
        ("vocab_size", config.vocab_size, MAX_VOCABULARY),
        ("max_position_embeddings", config.max_position_embeddings, MAX_SIZE),
    ])?;
    check_heads(("dim", config.dim), ("n_heads", config.n_heads))?;
    let prefix = prefix(weights, "distilbert.", "embeddings.word_embeddings.weight")?;
    let hidden = config.dim;
    let table = |name: &str, rows| table(prefix, name, rows);
    let norm = |name: String| norm(weights, &name);
    let layers = (0..config.n_layers).map(|layer| {
        let name = |part: &str| format!("{prefix}transformer.layer.{layer}.{part}");
        let linear = |part: &str, inputs, outputs| linear(&name(part), true, inputs, outputs);
        LayerSpec {
            query_key_value: ["q", "k", "v"]
                .map(|part| linear(&format!("attention.{part}_lin"), hidden, hidden))
                .into(),
            rotary: None,
            window: None,
            attention_output: linear("attention.out_lin", hidden, hidden),
            attention_norm: Some(norm(name("sa_layer_norm"))),
            up: vec![linear("ffn.lin1", hidden, config.hidden_dim)],
            down: linear("ffn.lin2", config.hidden_dim, hidden),
            output_norm: norm(name("output_layer_norm")),
        }
    });
    Ok(EncoderSpec {
        hidden_size: hidden,
        heads: config.n_heads,
        layer_norm_eps: LAYER_NORM_EPS,
        activation: activation("activation", &config.activation)?,
        gated: false,
        norm_first: false,
        max_positions: config.max_position_embeddings,
        embeddings: EmbeddingsSpec {
            word: table("word", config.vocab_size),
            position: Some(PositionSpec { table: table("position", config.max_position_embeddings), padding: None }),
            segment: None,
            norm: norm(format!("{prefix}embeddings.LayerNorm")),
        },
        distance_bias: None,
        layers: layers.collect(),
        final_norm: None,
        norm_before_cut: false,
    })
}
