//! One file per architecture: from `config.json` and tensor names to an [`EncoderSpec`].

mod bert;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::spec::{Activation, EncoderSpec};
use crate::weights::Weights;

/// `model_type` values of `config.json` that are supported.
const SUPPORTED: &str = "bert";

/// Describes the encoder of a folder whose `config.json` is `config`.
pub(crate) fn describe(config: &Value, weights: &Weights) -> Result<EncoderSpec> {
    match model_type(config)? {
        "bert" => bert::describe(config, weights),
        other => Err(Error::unsupported(format!("config.json says model_type {other:?}; supported: {SUPPORTED}"))),
    }
}

/// The `model_type` of a `config.json`.
pub(crate) fn model_type(config: &Value) -> Result<&str> {
    config
        .get("model_type")
        .and_then(Value::as_str)
        .ok_or_else(|| Error::invalid_model("config.json has no model_type"))
}

/// The activation of a `hidden_act` value, with transformers' meaning of the names (`activations.py`).
fn activation(name: &str) -> Result<Activation> {
    match name {
        "gelu" | "gelu_python" => Ok(Activation::GeluErf),
        "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Ok(Activation::GeluTanh),
        "relu" => Ok(Activation::Relu),
        _ => Err(Error::unsupported(format!(
            "config.json says hidden_act {name:?}; supported: gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, relu"
        ))),
    }
}
