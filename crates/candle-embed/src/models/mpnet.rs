//! MPNet: all-mpnet-base-v2, multi-qa-mpnet-base-*, paraphrase-mpnet-base-v2. BERT's layers without segments, positions
//! counted as RoBERTa counts them, and a bias by distance on all scores.
//!
//! Source: `MPNetModel` of transformers, `modeling_mpnet.py`.

use serde::Deserialize;
use serde_json::Value;

use super::parts::{Sizes, activation, check_epsilon, linear, norm, prefix, read, table};
use crate::error::{Error, Result};
use crate::spec::{DistanceBiasSpec, EmbeddingsSpec, EncoderSpec, LayerSpec, PositionSpec};
use crate::weights::Weights;

/// The fields of `config.json` that change the vectors, with the defaults of transformers' `MPNetConfig`.
#[derive(Debug, Deserialize)]
struct MpNetConfig {
    #[serde(flatten)]
    sizes: Sizes,
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
    config.sizes.check()?;
    check_epsilon("layer_norm_eps", config.layer_norm_eps)?;
    if config.sizes.max_position_embeddings <= PADDING as usize + 1 {
        return Err(Error::invalid_model(format!(
            "config.json says max_position_embeddings {}; the first {} are no text's",
            config.sizes.max_position_embeddings,
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
    let hidden = config.sizes.hidden_size;
    let table = |name: &str, rows| table(prefix, name, rows);
    let norm = |name: String| norm(weights, &name);
    let layers = (0..config.sizes.num_hidden_layers).map(|layer| {
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
            position: Some(PositionSpec {
                table: table("position", config.sizes.max_position_embeddings),
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
