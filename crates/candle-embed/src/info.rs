//! What a loaded model says of itself.

use std::collections::BTreeMap;

/// What a loaded model is.
#[derive(Debug, Clone)]
pub struct ModelInfo {
    /// `model_type` of `config.json`, e.g. `"bert"`.
    pub model_type: String,
    /// Components of an uncut vector.
    pub dimensions: usize,
    /// Most tokens of a text, special tokens included.
    pub max_tokens: usize,
    /// Pooling mode, e.g. `"mean"`; several are joined by `+`.
    pub pooling: String,
    /// Whether vectors have unit length unless a call asks otherwise.
    pub normalized: bool,
    /// Prompts by name.
    pub prompts: BTreeMap<String, String>,
    /// The prompt of calls that name none.
    pub default_prompt_name: Option<String>,
    /// SHA-256 of the float weights; an int8 folder carries its source's.
    pub weights_sha256: String,
    /// SHA-256 of the weights' files as they are; of quantised ones only where [`crate::LoadOptions::hash_files`] asks for it.
    pub files_sha256: Option<String>,
    /// Vectors of two models can be compared only where this is equal.
    pub space_id: String,
    /// `"cpu"`, `"metal"` or `"cuda:N"`.
    pub device: String,
    /// How the weights are stored that compute the vectors, and on a GPU the arithmetic: `"float32"`, `"int8"`,
    /// `"float16"` or `"bfloat16"`.
    pub dtype: String,
    /// What runs the network: `"packed"`, `"candle"`, `"device"`, or `"static"`, the only one of static embeddings.
    pub executor: String,
    /// Threads that compute.
    pub threads: usize,
}

/// What the weights hash to, under the names of [`ModelInfo`].
pub(crate) struct Hashes {
    pub weights_sha256: String,
    pub files_sha256: Option<String>,
}

/// The part of a [`ModelInfo`] that the folder does not decide, under its names.
pub(crate) struct Computing {
    pub device: String,
    pub dtype: &'static str,
    pub executor: &'static str,
    pub threads: usize,
}
