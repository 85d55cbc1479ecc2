//! The identity of a vector space.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dense::DenseConfig;
use crate::folder::TokenizerConfig;
use crate::hash::sha256_hex;
use crate::spec::ModelSpec;

/// Everything that decides whether two vectors can be compared, in a fixed order. Device, dtype and quantisation are
/// not part of it: they approximate the same space.
#[derive(Debug, Serialize)]
pub(crate) struct SpaceFields<'a> {
    /// SHA-256 of the (float) weights.
    pub weights: &'a str,
    /// SHA-256 of `tokenizer.json`.
    pub tokenizer: &'a str,
    /// Shapes, activation, norms, positions: what `config.json` says of the network.
    pub network: &'a ModelSpec,
    /// Lower-casing and what else `tokenizer_config.json` changes.
    pub lower_case: bool,
    pub tokenizer_config: &'a TokenizerConfig,
    /// Each dense layer's configuration and the SHA-256 of its weights.
    pub dense: &'a [(&'a DenseConfig, &'a str)],
    pub pooling: &'a str,
    pub include_prompt: bool,
    pub dimensions: usize,
    pub max_tokens: usize,
    pub normalized: bool,
    pub prompts: &'a BTreeMap<String, String>,
    pub default_prompt_name: Option<&'a str>,
}

impl SpaceFields<'_> {
    /// SHA-256 over the fields as JSON.
    pub fn id(&self) -> String {
        // A struct of strings and numbers always serialises.
        sha256_hex(&serde_json::to_vec(self).expect("fields serialise"))
    }
}
