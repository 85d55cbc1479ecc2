//! BERT: all-MiniLM, paraphrase-MiniLM, bge-*-en, e5-*-en, gte-*, snowflake-arctic-embed and others.
//!
//! Source: `BertModel` of transformers, `src/transformers/models/bert/modeling_bert.py`.

use serde::Deserialize;
use serde_json::Value;

use super::parts::{MAX_SIZE, Sizes, activation, check_epsilon, check_sizes, linear, norm, prefix, read, table};
use crate::error::{Error, Result};
use crate::spec::{EmbeddingsSpec, EncoderSpec, LayerSpec, PositionSpec};
use crate::weights::Weights;

/// The fields of `config.json` that change the vectors, with the defaults of transformers' `BertConfig`.
#[derive(Debug, Deserialize)]
struct BertConfig {
    #[serde(flatten)]
    sizes: Sizes,
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
        self.sizes.check()?;
        check_sizes(&[("type_vocab_size", self.type_vocab_size, MAX_SIZE)])?;
        check_epsilon("layer_norm_eps", self.layer_norm_eps)?;
        if let Some(positions) = self.position_embedding_type.as_deref().filter(|kind| *kind != "absolute") {
            return Err(Error::unsupported(format!(
                "config.json says position_embedding_type {positions:?}; \"absolute\" is supported"
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
    encoder(config, weights, "bert.", None)
}

/// BERT's layers under the names of a class with a head (`model`), with positions counted by `padding`.
pub(super) fn encoder(config: &Value, weights: &Weights, model: &str, padding: Option<u32>) -> Result<EncoderSpec> {
    let config: BertConfig = read(config, "BERT")?;
    config.check()?;
    let prefix = prefix(weights, model, "embeddings.word_embeddings.weight")?;
    let hidden = config.sizes.hidden_size;
    let table = |name: &str, rows| table(prefix, name, rows);
    let norm = |name: String| norm(weights, &name);
    let layers = (0..config.sizes.num_hidden_layers).map(|layer| {
        let name = |part: &str| format!("{prefix}encoder.layer.{layer}.{part}");
        let linear = |part: &str, inputs, outputs| linear(&name(part), true, inputs, outputs);
        LayerSpec {
            query_key_value: ["query", "key", "value"]
                .map(|part| linear(&format!("attention.self.{part}"), hidden, hidden))
                .into(),
            rotary: None,
            window: None,
            attention_output: linear("attention.output.dense", hidden, hidden),
            attention_norm: Some(norm(name("attention.output.LayerNorm"))),
            up: vec![linear("intermediate.dense", hidden, config.sizes.intermediate_size)],
            down: linear("output.dense", config.sizes.intermediate_size, hidden),
            output_norm: norm(name("output.LayerNorm")),
        }
    });
    Ok(EncoderSpec {
        hidden_size: hidden,
        heads: config.sizes.num_attention_heads,
        layer_norm_eps: config.layer_norm_eps as f32,
        activation: activation("hidden_act", &config.hidden_act)?,
        gated: false,
        norm_first: false,
        max_positions: config.sizes.max_position_embeddings,
        embeddings: EmbeddingsSpec {
            word: table("word", config.sizes.vocab_size),
            position: Some(PositionSpec { table: table("position", config.sizes.max_position_embeddings), padding }),
            segment: Some(table("token_type", config.type_vocab_size)),
            norm: norm(format!("{prefix}embeddings.LayerNorm")),
        },
        distance_bias: None,
        layers: layers.collect(),
        final_norm: None,
        norm_before_cut: false,
    })
}
