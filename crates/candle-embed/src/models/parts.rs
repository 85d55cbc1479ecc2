//! What the architectures' files share: checks of a configuration, names of tensors.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::spec::{Activation, LinearSpec, NormSpec, TableSpec};
use crate::weights::Weights;

/// Bounds that no published encoder comes near; beyond them a config is damaged, and sizes can't overflow below them.
pub(crate) const MAX_SIZE: usize = 1 << 20;
pub(super) const MAX_LAYERS: usize = 1 << 10;
pub(super) const MAX_VOCABULARY: usize = MAX_SIZE * 8;

/// `config.json` as the fields `T` of the architecture `name`.
pub(super) fn read<T: DeserializeOwned>(config: &Value, name: &str) -> Result<T> {
    T::deserialize(config)
        .map_err(|error| Error::invalid_model(format!("config.json is not a {name} configuration: {error}")))
}

/// The sizes of a `config.json`, under the names that most architectures have for them.
#[derive(Debug, Deserialize)]
pub(super) struct Sizes {
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub vocab_size: usize,
    pub max_position_embeddings: usize,
}

impl Sizes {
    /// Refuses sizes that are damaged or do not fit together.
    pub fn check(&self) -> Result<()> {
        check_sizes(&[
            ("hidden_size", self.hidden_size, MAX_SIZE),
            ("num_hidden_layers", self.num_hidden_layers, MAX_LAYERS),
            ("num_attention_heads", self.num_attention_heads, MAX_SIZE),
            ("intermediate_size", self.intermediate_size, MAX_SIZE),
            ("vocab_size", self.vocab_size, MAX_VOCABULARY),
            ("max_position_embeddings", self.max_position_embeddings, MAX_SIZE),
        ])?;
        check_heads(("hidden_size", self.hidden_size), ("num_attention_heads", self.num_attention_heads))
    }

    /// Channels of a head.
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }
}

/// Refuses sizes of 0 or beyond their limit; each is (field, value, limit).
pub(super) fn check_sizes(sizes: &[(&str, usize, usize)]) -> Result<()> {
    for (name, size, limit) in sizes {
        if size == &0 || size > limit {
            return Err(Error::invalid_model(format!("config.json says {name} {size}; it must be 1 to {limit}")));
        }
    }
    Ok(())
}

/// Refuses a hidden size that heads don't divide.
pub(super) fn check_heads((hidden_name, hidden): (&str, usize), (heads_name, heads): (&str, usize)) -> Result<()> {
    if hidden.is_multiple_of(heads) {
        return Ok(());
    }
    Err(Error::invalid_model(format!("config.json: {hidden_name} {hidden} is not a multiple of {heads_name} {heads}")))
}

/// Refuses an epsilon of a layer norm that is none.
pub(super) fn check_epsilon(name: &str, eps: f64) -> Result<()> {
    if (0.0..1.0).contains(&eps) {
        return Ok(());
    }
    Err(Error::invalid_model(format!("config.json says {name} {eps}")))
}

/// Refuses a base of rotary positions that gives no angles, or a number of channels that makes no pairs.
pub(super) fn check_rotary(base_name: &str, base: f64, channels: usize, head_size: usize) -> Result<()> {
    if !(base > 0.0 && base.is_finite()) {
        return Err(Error::invalid_model(format!("config.json says {base_name} {base}")));
    }
    if channels == 0 || !channels.is_multiple_of(2) || channels > head_size {
        return Err(Error::unsupported(format!(
            "config.json gives rotary positions to {channels} of a head's {head_size} channels; an even number is supported"
        )));
    }
    Ok(())
}

/// Refuses every field of `config` whose value differs from the only one that is computed here. An absent field, and
/// null, stand for it.
pub(super) fn check_fixed(config: &Value, fields: &[(&str, Value)]) -> Result<()> {
    for (name, expected) in fields {
        if let Some(value) = config.get(name).filter(|value| !value.is_null() && *value != expected) {
            return Err(Error::unsupported(format!("config.json says {name} {value}; only {expected} is supported")));
        }
    }
    Ok(())
}

/// The activation of a `hidden_act` value, with transformers' meaning of the names (`activations.py`).
pub(super) fn activation(field: &str, name: &str) -> Result<Activation> {
    match name {
        "gelu" | "gelu_python" => Ok(Activation::GeluErf),
        "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Ok(Activation::GeluTanh),
        "relu" => Ok(Activation::Relu),
        "silu" | "swish" => Ok(Activation::Silu),
        _ => Err(Error::unsupported(format!(
            "config.json says {field} {name:?}; supported: gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, relu, silu"
        ))),
    }
}

/// What stands before the tensor names: nothing, or the name that a class with a head gives the encoder (`bert.` in
/// `BertForMaskedLM`). `words` is the word embeddings' tensor.
pub(super) fn prefix<'a>(weights: &Weights, model: &'a str, words: &str) -> Result<&'a str> {
    ["", model]
        .into_iter()
        .find(|prefix| weights.contains(&format!("{prefix}{words}")))
        .ok_or_else(|| Error::invalid_model(format!("the weights lack tensor {words}")))
}

/// A table of the embeddings below `prefix`, under BERT's names.
pub(super) fn table(prefix: &str, name: &str, rows: usize) -> TableSpec {
    TableSpec { weight: format!("{prefix}embeddings.{name}_embeddings.weight"), rows }
}

pub(super) fn linear(name: &str, biased: bool, inputs: usize, outputs: usize) -> LinearSpec {
    let bias = biased.then(|| format!("{name}.bias"));
    LinearSpec { weight: format!("{name}.weight"), bias, inputs, outputs }
}

/// Checkpoints converted from TensorFlow call the two tensors `gamma` and `beta`.
pub(super) fn norm(weights: &Weights, name: &str) -> NormSpec {
    let (weight, bias) =
        if weights.contains(&format!("{name}.gamma")) { ("gamma", "beta") } else { ("weight", "bias") };
    NormSpec { weight: format!("{name}.{weight}"), bias: Some(format!("{name}.{bias}")) }
}
