//! One file per architecture: from `config.json` and tensor names to a [`ModelSpec`].

mod bert;
mod distilbert;
mod modernbert;
mod mpnet;
mod nomic_bert;
mod parts;
mod roberta;
mod static_embedding;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::folder::{ModelFolder, Network};
use crate::spec::ModelSpec;
use crate::weights::Weights;

pub(crate) use parts::MAX_SIZE;
pub(crate) use static_embedding::MODEL2VEC;

/// `model_type` values of `config.json` that are supported.
const SUPPORTED: &str = "bert, distilbert, modernbert, mpnet, nomic_bert, roberta, xlm-roberta";

/// Describes the network of `folder`, whose tensors are `weights`.
pub(crate) fn describe(folder: &ModelFolder, weights: &Weights) -> Result<ModelSpec> {
    let config = &folder.config;
    if folder.network == Network::Static {
        return static_embedding::describe(config, weights).map(ModelSpec::Static);
    }
    let encoder = match model_type(folder)? {
        "bert" => bert::describe(config, weights),
        "distilbert" => distilbert::describe(config, weights),
        "modernbert" => modernbert::describe(config, weights),
        "mpnet" => mpnet::describe(config, weights),
        "nomic_bert" => nomic_bert::describe(config, weights),
        "roberta" | "xlm-roberta" => roberta::describe(config, weights),
        other => Err(Error::unsupported(format!("config.json says model_type {other:?}; supported: {SUPPORTED}"))),
    };
    encoder.map(ModelSpec::Encoder)
}

/// The `model_type` of a folder's `config.json`; static embeddings need none.
pub(crate) fn model_type(folder: &ModelFolder) -> Result<&str> {
    match (folder.config.get("model_type").and_then(Value::as_str), folder.network) {
        (Some(name), _) => Ok(name),
        (None, Network::Static) => Ok("static_embedding"),
        (None, Network::Transformer) => Err(Error::invalid_model("config.json has no model_type")),
    }
}
