//! ModernBERT: gte-modernbert-base, nomic's modernbert-embed-base, granite-embedding-*-r2 and others. Norms first, rotary
//! positions, a gate, and most layers see a window only.
//!
//! Source: `ModernBertModel` of transformers, `modeling_modernbert.py`.

use serde::Deserialize;
use serde_json::Value;

use super::parts::{
    MAX_LAYERS, MAX_SIZE, Sizes, activation, check_epsilon, check_fixed, check_rotary, check_sizes, linear, prefix,
    read,
};
use crate::error::{Error, Result};
use crate::spec::{EmbeddingsSpec, EncoderSpec, LayerSpec, LinearSpec, NormSpec, RotarySpec, TableSpec};
use crate::weights::Weights;

/// The fields of `config.json` that change the vectors, with the defaults of transformers' `ModernBertConfig`.
#[derive(Debug, Deserialize)]
struct ModernBertConfig {
    #[serde(flatten)]
    sizes: Sizes,
    #[serde(default = "default_hidden_activation")]
    hidden_activation: String,
    #[serde(default = "default_norm_eps")]
    norm_eps: f64,
    #[serde(default)]
    norm_bias: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    #[serde(default = "default_local_attention")]
    local_attention: usize,
    /// Since transformers 5; before, every so many layers saw everything.
    layer_types: Option<Vec<LayerType>>,
    #[serde(default = "default_every")]
    global_attn_every_n_layers: usize,
    /// Since transformers 5; before, one number each.
    rope_parameters: Option<RopeParameters>,
    #[serde(default = "default_global_theta")]
    global_rope_theta: f64,
    #[serde(default = "default_local_theta")]
    local_rope_theta: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LayerType {
    FullAttention,
    SlidingAttention,
}

#[derive(Debug, Deserialize)]
struct RopeParameters {
    full_attention: Option<Rope>,
    sliding_attention: Option<Rope>,
}

#[derive(Debug, Deserialize)]
struct Rope {
    rope_theta: Option<f64>,
    rope_type: Option<String>,
}

fn default_hidden_activation() -> String {
    "gelu".to_owned()
}

fn default_norm_eps() -> f64 {
    1e-5
}

fn default_local_attention() -> usize {
    128
}

fn default_every() -> usize {
    3
}

fn default_global_theta() -> f64 {
    160_000.0
}

fn default_local_theta() -> f64 {
    10_000.0
}

impl ModernBertConfig {
    fn check(&self) -> Result<()> {
        self.sizes.check()?;
        check_sizes(&[
            ("local_attention", self.local_attention, MAX_SIZE),
            ("global_attn_every_n_layers", self.global_attn_every_n_layers, MAX_LAYERS),
        ])?;
        check_epsilon("norm_eps", self.norm_eps)
    }

    fn layer_types(&self) -> Result<Vec<LayerType>> {
        let layers = self.sizes.num_hidden_layers;
        match &self.layer_types {
            Some(types) if types.len() == layers => Ok(types.clone()),
            Some(types) => {
                Err(Error::invalid_model(format!("config.json has {} layer_types for {layers} layers", types.len())))
            }
            None => Ok((0..layers)
                .map(|layer| match layer % self.global_attn_every_n_layers {
                    0 => LayerType::FullAttention,
                    _ => LayerType::SlidingAttention,
                })
                .collect()),
        }
    }

    fn rotary(&self, kind: LayerType) -> Result<RotarySpec> {
        let (new, old) = match kind {
            LayerType::FullAttention => {
                (self.rope_parameters.as_ref().and_then(|rope| rope.full_attention.as_ref()), self.global_rope_theta)
            }
            LayerType::SlidingAttention => {
                (self.rope_parameters.as_ref().and_then(|rope| rope.sliding_attention.as_ref()), self.local_rope_theta)
            }
        };
        if let Some(kind) = new.and_then(|rope| rope.rope_type.as_deref()).filter(|kind| *kind != "default") {
            return Err(Error::unsupported(format!(
                "config.json says rope_type {kind:?}; only \"default\" is supported"
            )));
        }
        let base = new.and_then(|rope| rope.rope_theta).unwrap_or(old);
        let size = self.sizes.head_size();
        check_rotary("rope_theta", base, size, size)?;
        Ok(RotarySpec { base, size })
    }
}

/// The encoder that `config` and the tensors of `weights` describe.
pub(super) fn describe(config: &Value, weights: &Weights) -> Result<EncoderSpec> {
    check_fixed(config, &[("rope_scaling", Value::Null)])?;
    let config: ModernBertConfig = read(config, "ModernBERT")?;
    config.check()?;
    let prefix = prefix(weights, "model.", "embeddings.tok_embeddings.weight")?;
    let hidden = config.sizes.hidden_size;
    let norm = |name: String| NormSpec {
        weight: format!("{name}.weight"),
        bias: config.norm_bias.then(|| format!("{name}.bias")),
    };
    let layer = |(index, kind): (usize, LayerType)| -> Result<LayerSpec> {
        let name = |part: &str| format!("{prefix}layers.{index}.{part}");
        let attention =
            |part: &str, outputs| -> LinearSpec { linear(&name(part), config.attention_bias, hidden, outputs) };
        let wide = config.sizes.intermediate_size;
        Ok(LayerSpec {
            query_key_value: vec![attention("attn.Wqkv", 3 * hidden)],
            rotary: Some(config.rotary(kind)?),
            window: (kind == LayerType::SlidingAttention).then_some(config.local_attention / 2),
            attention_output: attention("attn.Wo", hidden),
            // The embedding norm is the first layer's.
            attention_norm: (index > 0).then(|| norm(name("attn_norm"))),
            // Its first half is activated.
            up: vec![linear(&name("mlp.Wi"), config.mlp_bias, hidden, 2 * wide)],
            down: linear(&name("mlp.Wo"), config.mlp_bias, wide, hidden),
            output_norm: norm(name("mlp_norm")),
        })
    };
    Ok(EncoderSpec {
        hidden_size: hidden,
        heads: config.sizes.num_attention_heads,
        layer_norm_eps: config.norm_eps as f32,
        activation: activation("hidden_activation", &config.hidden_activation)?,
        gated: true,
        norm_first: true,
        max_positions: config.sizes.max_position_embeddings,
        embeddings: EmbeddingsSpec {
            word: TableSpec {
                weight: format!("{prefix}embeddings.tok_embeddings.weight"),
                rows: config.sizes.vocab_size,
            },
            position: None,
            segment: None,
            norm: norm(format!("{prefix}embeddings.norm")),
        },
        distance_bias: None,
        layers: config.layer_types()?.into_iter().enumerate().map(layer).collect::<Result<_>>()?,
        final_norm: Some(norm(format!("{prefix}final_norm"))),
        norm_before_cut: false,
    })
}
