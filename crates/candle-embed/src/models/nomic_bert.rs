//! NomicBERT: nomic-embed-text-v1 and v1.5, CodeRankEmbed. Norms last as in BERT, rotary positions, SwiGLU.
//!
//! Sources: `NomicBertModel` of transformers, `modeling_nomic_bert.py`, and the configuration of the published folders,
//! whose keys are GPT-2's. Published files say `max_trained_positions` 2048 and `rotary_scaling_factor` null: without a
//! factor nothing is scaled, and a text of 8,192 tokens simply has larger angles. With one, the angles of a text would
//! depend on its length (dynamic NTK), which is refused.

use serde::Deserialize;
use serde_json::{Value, json};

use super::parts::{Sizes, check_epsilon, check_fixed, check_rotary, linear, norm, prefix, read, table};
use crate::error::{Error, Result};
use crate::spec::{Activation, EmbeddingsSpec, EncoderSpec, LayerSpec, RotarySpec};
use crate::weights::Weights;

/// Published keys and transformers' keys.
const NAMES: [(&str, &str); 7] = [
    ("n_embd", "hidden_size"),
    ("n_layer", "num_hidden_layers"),
    ("n_head", "num_attention_heads"),
    ("n_inner", "intermediate_size"),
    ("n_positions", "max_position_embeddings"),
    ("layer_norm_epsilon", "layer_norm_eps"),
    ("rotary_emb_base", "rope_theta"),
];

/// The fields of `config.json` that change the vectors, under transformers' names.
#[derive(Debug, Deserialize)]
struct NomicBertConfig {
    #[serde(flatten)]
    sizes: Sizes,
    #[serde(default = "default_type_vocab_size")]
    type_vocab_size: usize,
    #[serde(default = "default_layer_norm_eps")]
    layer_norm_eps: f64,
    /// Published folders only.
    rope_theta: Option<f64>,
    rotary_emb_fraction: Option<f64>,
    #[serde(default)]
    qkv_proj_bias: bool,
    #[serde(default)]
    mlp_fc1_bias: bool,
    #[serde(default)]
    mlp_fc2_bias: bool,
    /// transformers' folders only.
    rope_parameters: Option<RopeParameters>,
}

#[derive(Debug, Deserialize)]
struct RopeParameters {
    rope_theta: f64,
}

fn default_type_vocab_size() -> usize {
    2
}

fn default_layer_norm_eps() -> f64 {
    1e-12
}

/// `default_theta` of transformers' `NomicBertConfig`.
const DEFAULT_BASE: f64 = 1000.0;

impl NomicBertConfig {
    fn check(&self) -> Result<()> {
        self.sizes.check()?;
        check_epsilon("layer_norm_eps", self.layer_norm_eps)
    }

    fn rotary(&self) -> Result<RotarySpec> {
        let head_size = self.sizes.head_size();
        let base = self.rope_parameters.as_ref().map(|rope| rope.rope_theta).or(self.rope_theta);
        let base = base.unwrap_or(DEFAULT_BASE);
        let size = (head_size as f64 * self.rotary_emb_fraction.unwrap_or(1.0)) as usize;
        check_rotary("rope_theta", base, size, head_size)?;
        Ok(RotarySpec { base, size })
    }
}

/// `config` with transformers' keys where it has the published ones alone.
fn renamed(config: &Value) -> Value {
    let mut config = config.clone();
    for (published, name) in NAMES {
        if let Some(value) = config.get(published).filter(|_| config.get(name).is_none()).cloned() {
            config[name] = value;
        }
    }
    config
}

/// Refuses what the published code has switches for, and what transformers' configuration could say otherwise.
fn check_switches(config: &Value) -> Result<()> {
    check_fixed(
        config,
        &[
            ("prenorm", json!(false)),
            ("parallel_block", json!(false)),
            ("use_rms_norm", json!(false)),
            ("causal", json!(false)),
            ("rotary_emb_interleaved", json!(false)),
            ("rotary_emb_scale_base", Value::Null),
            ("rotary_scaling_factor", Value::Null),
            ("rope_scaling", Value::Null),
            ("scale_attn_weights", json!(true)),
            ("scale_attn_by_inverse_layer_idx", json!(false)),
            ("hidden_act", json!("silu")),
        ],
    )?;
    if let Some(activation) = config.get("activation_function").filter(|name| **name != json!("swiglu")) {
        return Err(Error::unsupported(format!(
            "config.json says activation_function {activation}; only \"swiglu\" is supported"
        )));
    }
    if let Some(experts) = config.get("num_experts").filter(|experts| experts.as_u64().is_some_and(|n| n > 0)) {
        return Err(Error::unsupported(format!(
            "config.json says num_experts {experts}; a mixture of experts is not supported"
        )));
    }
    match config.get("rope_parameters").and_then(|rope| rope.get("rope_type")) {
        Some(kind) if *kind != json!("default") => {
            Err(Error::unsupported(format!("config.json says rope_type {kind}; only \"default\" is supported")))
        }
        _ => Ok(()),
    }
}

/// The encoder that `config` and the tensors of `weights` describe.
pub(super) fn describe(config: &Value, weights: &Weights) -> Result<EncoderSpec> {
    check_switches(config)?;
    let config: NomicBertConfig = read(&renamed(config), "NomicBERT")?;
    config.check()?;
    let rotary = config.rotary()?;
    let prefix = prefix(weights, "bert.", "embeddings.word_embeddings.weight")?;
    let hidden = config.sizes.hidden_size;
    let wide = config.sizes.intermediate_size;
    let table = |name: &str, rows| table(prefix, name, rows);
    let norm = |name: String| norm(weights, &name);
    let layers = (0..config.sizes.num_hidden_layers).map(|layer| {
        let name = |part: &str| format!("{prefix}encoder.layers.{layer}.{part}");
        LayerSpec {
            query_key_value: vec![linear(&name("attn.Wqkv"), config.qkv_proj_bias, hidden, 3 * hidden)],
            rotary: Some(rotary.clone()),
            window: None,
            attention_output: linear(&name("attn.out_proj"), config.qkv_proj_bias, hidden, hidden),
            attention_norm: Some(norm(name("norm1"))),
            // `fc2(fc11(x) * silu(fc12(x)))`: the second is activated.
            up: ["mlp.fc12", "mlp.fc11"].map(|part| linear(&name(part), config.mlp_fc1_bias, hidden, wide)).into(),
            down: linear(&name("mlp.fc2"), config.mlp_fc2_bias, wide, hidden),
            output_norm: norm(name("norm2")),
        }
    });
    Ok(EncoderSpec {
        hidden_size: hidden,
        heads: config.sizes.num_attention_heads,
        layer_norm_eps: config.layer_norm_eps as f32,
        activation: Activation::Silu,
        gated: true,
        norm_first: false,
        max_positions: config.sizes.max_position_embeddings,
        embeddings: EmbeddingsSpec {
            word: table("word", config.sizes.vocab_size),
            position: None,
            segment: (config.type_vocab_size > 0).then(|| table("token_type", config.type_vocab_size)),
            norm: norm(format!("{prefix}emb_ln")),
        },
        distance_bias: None,
        layers: layers.collect(),
        final_norm: None,
        // The card of nomic-embed-text-v1.5, the one that can be cut: layer norm, cut, unit length.
        norm_before_cut: true,
    })
}
