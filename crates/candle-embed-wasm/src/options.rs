//! What crosses the boundary as JSON.

use std::collections::BTreeMap;
use std::str::FromStr;

use candle_embed::{EmbedOptions, Error, LoadOptions, ModelInfo, Prompt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How a model is loaded: the options of the addon's `loadModel` that make sense on one thread.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ModuleLoadOptions {
    dtype: Option<String>,
    batch_tokens: Option<usize>,
    pooling: Option<String>,
    #[serde(default)]
    matryoshka_dimensions: Vec<usize>,
    #[serde(default)]
    hash_files: bool,
}

/// How the texts of a call are embedded.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ModuleEmbedOptions {
    input_type: Option<String>,
    prompt_name: Option<String>,
    prompt: Option<String>,
    dimensions: Option<usize>,
    #[serde(default)]
    cut_without_matryoshka: bool,
    normalize: Option<bool>,
    truncate: Option<String>,
    output_type: Option<String>,
}

fn parse<T: FromStr<Err = Error>>(value: Option<String>) -> Result<Option<T>, Error> {
    value.map(|value| value.parse()).transpose()
}

/// The options in `json`.
fn read<T: DeserializeOwned>(json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|error| Error::invalid_input(format!("the options can't be read: {error}")))
}

/// The options of a load.
pub fn load_options(json: &str) -> Result<LoadOptions, Error> {
    let options: ModuleLoadOptions = read(json)?;
    Ok(LoadOptions {
        dtype: parse(options.dtype)?.unwrap_or_default(),
        threads: Some(1),
        batch_tokens: options.batch_tokens,
        pooling: parse(options.pooling)?,
        matryoshka_dimensions: options.matryoshka_dimensions,
        hash_files: options.hash_files,
        ..LoadOptions::default()
    })
}

/// The options of a call.
pub fn embed_options(json: &str) -> Result<EmbedOptions, Error> {
    let options: ModuleEmbedOptions = read(json)?;
    Ok(EmbedOptions {
        prompt: Prompt::choose(options.prompt, options.prompt_name, options.input_type.as_deref())?,
        dimensions: options.dimensions,
        cut_without_matryoshka: options.cut_without_matryoshka,
        normalize: options.normalize,
        truncate: parse(options.truncate)?.unwrap_or_default(),
        output: parse(options.output_type)?.unwrap_or_default(),
    })
}

/// What a loaded model is; the addon's `NativeModelInfo`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModuleInfo<'a> {
    model_type: &'a str,
    dimensions: usize,
    max_tokens: usize,
    pooling: &'a str,
    normalized: bool,
    prompts: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_prompt_name: Option<&'a str>,
    weights_sha256: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    files_sha256: Option<&'a str>,
    space_id: &'a str,
    device: &'a str,
    dtype: &'a str,
    executor: &'a str,
    threads: usize,
}

impl<'a> From<&'a ModelInfo> for ModuleInfo<'a> {
    fn from(info: &'a ModelInfo) -> Self {
        Self {
            model_type: &info.model_type,
            dimensions: info.dimensions,
            max_tokens: info.max_tokens,
            pooling: &info.pooling,
            normalized: info.normalized,
            prompts: &info.prompts,
            default_prompt_name: info.default_prompt_name.as_deref(),
            weights_sha256: &info.weights_sha256,
            files_sha256: info.files_sha256.as_deref(),
            space_id: &info.space_id,
            device: &info.device,
            dtype: &info.dtype,
            executor: &info.executor,
            threads: info.threads,
        }
    }
}
