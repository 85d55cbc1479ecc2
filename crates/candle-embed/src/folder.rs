//! A model folder in the sentence-transformers layout.
//!
//! What decides the vectors (pooling, limits, prompts, normalisation, dense layers) is read from the folder's own
//! files and never guessed from the model's name. Model folders are untrusted input: names inside them must stay in
//! the folder, sizes are bounded, and every contradiction is an error.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, ErrorCode, Result};
use crate::files::{Files, MAX_INDEX_BYTES};
use crate::models::{MAX_SIZE, MODEL2VEC};
use crate::pooling::{Pooling, PoolingMode};
use crate::spec::ModelSpec;

/// Longest prompt of a folder, in bytes: it goes before every text, and every text waits for it to be tokenized. Real ones are
/// sentences.
const MAX_PROMPT_BYTES: usize = 64 << 10;

/// More modules than any model has.
const MAX_MODULES: usize = 16;

/// Names of the transformer module's own config file, in the order in which sentence-transformers looks for them
/// (`Transformer.load`).
pub(crate) const TRANSFORMER_CONFIGS: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// The weights of a module.
pub(crate) const WEIGHTS_FILE: &str = "model.safetensors";

/// The tokenizer of a folder.
pub(crate) const TOKENIZER_FILE: &str = "tokenizer.json";

/// The first module of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// Layers, described by `config.json`.
    Transformer,
    /// A table of embeddings.
    Static,
}

/// What follows the first module in `modules.json`.
#[derive(Debug)]
pub(crate) struct Head {
    pub pooling: Pooling,
    /// Whether a prompt's tokens take part in pooling.
    pub include_prompt: bool,
    /// Folder of the `Pooling` module, where there is one.
    pooling_folder: Option<PathBuf>,
    /// Folders of `Dense` modules, in order.
    pub dense: Vec<PathBuf>,
    pub normalize: bool,
}

impl Head {
    /// Folders of all modules that have one.
    pub fn module_folders(&self) -> impl Iterator<Item = &Path> {
        self.pooling_folder.iter().chain(&self.dense).map(PathBuf::as_path)
    }
}

/// The prompts of `config_sentence_transformers.json`.
#[derive(Debug, Default)]
pub(crate) struct Prompts {
    pub by_name: BTreeMap<String, String>,
    pub default_name: Option<String>,
}

impl Prompts {
    fn read(files: &Files, folder: &Path) -> Result<Self> {
        #[derive(Default, Deserialize)]
        struct Config {
            #[serde(default)]
            prompts: BTreeMap<String, Option<String>>,
            #[serde(default)]
            default_prompt_name: Option<String>,
            #[serde(default)]
            truncate_dim: Option<usize>,
        }
        let path = folder.join("config_sentence_transformers.json");
        let config: Config = files.json_if_there(&path)?.unwrap_or_default();
        if let Some(dimensions) = config.truncate_dim {
            return Err(Error::unsupported(format!(
                "{} says truncate_dim {dimensions}; remove it and pass dimensions instead",
                path.display()
            )));
        }
        let by_name: BTreeMap<String, String> =
            config.prompts.into_iter().map(|(name, text)| (name, text.unwrap_or_default())).collect();
        if let Some((name, text)) = by_name.iter().find(|(_, text)| text.len() > MAX_PROMPT_BYTES) {
            return Err(Error::invalid_model(format!(
                "{}: prompt {name:?} has {} bytes; at most {MAX_PROMPT_BYTES} are taken",
                path.display(),
                text.len()
            )));
        }
        match config.default_prompt_name {
            // These two exist in every model, empty where the folder does not fill them.
            Some(name) if !by_name.contains_key(&name) && name != "query" && name != "document" => {
                Err(Error::invalid_model(format!("{}: there is no prompt {name:?}", path.display())))
            }
            default_name => Ok(Self { by_name, default_name }),
        }
    }
}

/// The transformer module's own config, as far as it changes vectors.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct TransformerConfig {
    #[serde(default)]
    pub max_seq_length: Option<usize>,
    /// Lower-case texts before the tokenizer's own normalisation.
    #[serde(default)]
    pub do_lower_case: bool,
    /// Everything else; see [`check`](Self::check).
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

impl TransformerConfig {
    /// Refuses a limit that no model has, and settings that change how texts are cut or tokenized and that are not
    /// followed here.
    fn check(self) -> Result<Self> {
        const NOT_FOLLOWED: [&str; 5] =
            ["query_length", "document_length", "query_expansion", "processing_kwargs", "processor_kwargs"];
        for name in NOT_FOLLOWED {
            let value = self.other.get(name).filter(|value| !is_empty(value));
            if let Some(value) = value {
                return Err(Error::unsupported(format!("the transformer module's configuration says {name} {value}")));
            }
        }
        // It goes before the limit of config.json, so nothing else bounds what is made for so many tokens.
        if let Some(length) = self.max_seq_length.filter(|length| !(1..=MAX_SIZE).contains(length)) {
            return Err(Error::invalid_model(format!(
                "the transformer module's configuration says max_seq_length {length}; it must be 1 to {MAX_SIZE}"
            )));
        }
        Ok(self)
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || *value == Value::Bool(false) || value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// The parsed files of a folder, weights and tokenizer excepted.
#[derive(Debug)]
pub(crate) struct ModelFolder {
    /// What all of it is read with.
    pub files: Files,
    /// Where `config.json`, tokenizer and weights are; the folder itself, or one within it.
    pub path: PathBuf,
    pub network: Network,
    /// `config.json`; null for static embeddings without one.
    pub config: Value,
    pub head: Head,
    pub prompts: Prompts,
    pub transformer: TransformerConfig,
    pub tokenizer: TokenizerConfig,
    /// `model.safetensors` or its shards.
    pub weights: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct ModuleEntry {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

impl ModelFolder {
    /// Reads the folder at `path`; `pooling` is for a folder that does not say how it pools.
    pub fn open(files: Files, path: &Path, pooling: Option<PoolingMode>) -> Result<Self> {
        if !files.is_folder(path) {
            return Err(Error::new(ErrorCode::ModelNotFound, format!("there is no model folder {}", path.display())));
        }
        let mut modules = Modules::read(&files, path)?;
        let network_path = modules.path.clone();
        let config = network_path.join("config.json");
        let config: Value = match modules.network {
            Some(Network::Static) => files.json_if_there(&config)?.unwrap_or_default(),
            _ => files.json(&config)?,
        };
        let model2vec = config.get("model_type").and_then(Value::as_str) == Some(MODEL2VEC);
        let network = modules.network.unwrap_or(if model2vec { Network::Static } else { Network::Transformer });
        if network == Network::Static && model2vec {
            modules.follow_model2vec(&config)?;
        }
        let (transformer, tokenizer) = match network {
            Network::Transformer => {
                (transformer_config(&files, &network_path)?, TokenizerConfig::read(&files, &network_path)?)
            }
            // Its tokenizer.json is all that counts.
            Network::Static => Default::default(),
        };
        Ok(Self {
            head: modules.head(&files, network, pooling)?,
            prompts: Prompts::read(&files, path)?,
            transformer,
            tokenizer,
            weights: weight_files(&files, &network_path)?,
            config,
            network,
            path: network_path,
            files,
        })
    }

    /// Longest text in tokens, special tokens included, of a network that is `spec`.
    pub fn max_tokens(&self, spec: &ModelSpec) -> usize {
        match spec {
            ModelSpec::Encoder(encoder) => {
                encoder.max_tokens(self.transformer.max_seq_length, self.tokenizer.max_length())
            }
            ModelSpec::Static(table) => table.max_tokens,
        }
    }
}

/// `modules.json`, with checked paths.
struct Modules {
    /// Folder of the first module.
    path: PathBuf,
    /// `None` without a `modules.json`.
    network: Option<Network>,
    pooling: Option<PathBuf>,
    dense: Vec<PathBuf>,
    normalize: bool,
}

impl Modules {
    fn read(files: &Files, folder: &Path) -> Result<Self> {
        let mut modules =
            Self { path: folder.to_owned(), network: None, pooling: None, dense: Vec::new(), normalize: false };
        let Some(entries) = files.json_if_there::<Vec<ModuleEntry>>(&folder.join("modules.json"))? else {
            return Ok(modules);
        };
        if entries.len() > MAX_MODULES {
            return Err(Error::unsupported(format!("modules.json has {} modules", entries.len())));
        }
        modules.network = Some(Network::Transformer);
        for (position, entry) in entries.iter().enumerate() {
            let path = match entry.path.as_str() {
                // Model2Vec's way to name the folder itself.
                "." => folder.to_owned(),
                path => folder.join(inside(path)?),
            };
            // The packages of these classes moved between releases; the class names did not.
            let kind = entry.kind.rsplit('.').next().unwrap_or_default();
            let is_static = modules.network == Some(Network::Static);
            let pooled = position > usize::from(!is_static);
            match kind {
                "Transformer" if position == 0 => modules.path = path,
                "StaticEmbedding" if position == 0 => {
                    modules.network = Some(Network::Static);
                    modules.path = path;
                }
                "Pooling" if position == 1 && !is_static => modules.pooling = Some(path),
                "Dense" if pooled && !modules.normalize => modules.dense.push(path),
                "Normalize" if pooled => modules.normalize = true,
                _ => {
                    return Err(Error::unsupported(format!(
                        "modules.json has {} at position {position}; supported is a Transformer, then Pooling, or a \
                         StaticEmbedding, then any number of Dense, then Normalize or not",
                        entry.kind
                    )));
                }
            }
        }
        Ok(modules)
    }

    /// Unit length as Model2Vec's `config.json` has it, which a `modules.json` beside it repeats.
    fn follow_model2vec(&mut self, config: &Value) -> Result<()> {
        let normalize = config.get("normalize").and_then(Value::as_bool).unwrap_or(false);
        if self.network.is_some() && self.normalize != normalize {
            return Err(Error::invalid_model(format!(
                "config.json says normalize {normalize}, but modules.json has {} Normalize",
                if self.normalize { "a" } else { "no" }
            )));
        }
        self.normalize = normalize;
        Ok(())
    }

    fn head(self, files: &Files, network: Network, pooling: Option<PoolingMode>) -> Result<Head> {
        let is_static = network == Network::Static;
        let (pooling, include_prompt) = match (&self.pooling, pooling) {
            (_, Some(_)) if is_static || self.pooling.is_some() => {
                return Err(Error::invalid_input("the folder says how it pools; leave the pooling option out"));
            }
            (_, None) if is_static => (Pooling::new(vec![PoolingMode::Mean]), true),
            (Some(folder), None) => read_pooling(files, &folder.join("config.json"))?,
            (_, Some(mode)) => (Pooling::new(vec![mode]), true),
            (None, None) => {
                return Err(Error::invalid_model(
                    "the folder does not say how its token vectors are pooled (no modules.json with a Pooling module); \
                     pass pooling: \"mean\" or \"cls\" as the model's card says",
                ));
            }
        };
        Ok(Head { pooling, include_prompt, pooling_folder: self.pooling, dense: self.dense, normalize: self.normalize })
    }
}

/// `1_Pooling/config.json`: flags (`pooling_mode_mean_tokens`) until sentence-transformers 5, `pooling_mode` since.
fn read_pooling(files: &Files, path: &Path) -> Result<(Pooling, bool)> {
    const FLAGS: [(&str, PoolingMode); 6] = [
        ("pooling_mode_cls_token", PoolingMode::Cls),
        ("pooling_mode_max_tokens", PoolingMode::Max),
        ("pooling_mode_mean_tokens", PoolingMode::Mean),
        ("pooling_mode_mean_sqrt_len_tokens", PoolingMode::MeanSqrtLen),
        ("pooling_mode_weightedmean_tokens", PoolingMode::WeightedMean),
        ("pooling_mode_lasttoken", PoolingMode::LastToken),
    ];
    let config: BTreeMap<String, Value> = files.json(path)?;
    let invalid = |what: String| Error::invalid_model(format!("{}: {what}", path.display()));
    let named = |name: &str| name.parse().map_err(|error: Error| invalid(error.message));
    let modes: Vec<PoolingMode> = match config.get("pooling_mode") {
        Some(Value::String(name)) => vec![named(name)?],
        Some(Value::Array(names)) => {
            names.iter().map(|name| named(name.as_str().unwrap_or_default())).collect::<Result<_>>()?
        }
        Some(other) => return Err(invalid(format!("can't read pooling_mode {other}"))),
        None => {
            let on = |flag: &str| config.get(flag).and_then(Value::as_bool) == Some(true);
            FLAGS.into_iter().filter(|(flag, _)| on(flag)).map(|(_, mode)| mode).collect()
        }
    };
    let repeated = (1..modes.len()).any(|at| modes[..at].contains(&modes[at]));
    if modes.is_empty() || repeated {
        return Err(invalid("no pooling mode is on, or one twice".to_owned()));
    }
    let include_prompt = config.get("include_prompt").and_then(Value::as_bool).unwrap_or(true);
    Ok((Pooling::new(modes), include_prompt))
}

/// The transformer module's own config file, whatever it is called.
fn transformer_config(files: &Files, folder: &Path) -> Result<TransformerConfig> {
    for name in TRANSFORMER_CONFIGS {
        if let Some(config) = files.json_if_there::<TransformerConfig>(&folder.join(name))? {
            return config.check();
        }
    }
    Ok(TransformerConfig::default())
}

/// `tokenizer_config.json`. Where it contradicts `tokenizer.json`, transformers follows this file.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct TokenizerConfig {
    #[serde(default, skip_serializing)]
    model_max_length: Option<Value>,
    #[serde(default, skip_serializing)]
    truncation_side: Option<String>,
    #[serde(default)]
    pub do_lower_case: Option<bool>,
    #[serde(default)]
    pub strip_accents: Option<bool>,
    #[serde(default)]
    pub tokenize_chinese_chars: Option<bool>,
}

impl TokenizerConfig {
    fn read(files: &Files, folder: &Path) -> Result<Self> {
        let config: Self = files.json_if_there(&folder.join("tokenizer_config.json"))?.unwrap_or_default();
        if config.max_length() == Some(0) {
            return Err(Error::invalid_model("tokenizer_config.json says model_max_length 0; it must be 1 or more"));
        }
        match config.truncation_side.as_deref() {
            None | Some("right") => Ok(config),
            Some(side) => Err(Error::unsupported(format!("tokenizer_config.json says truncation_side {side:?}"))),
        }
    }

    /// The limit in tokens. One beyond what a `config.json` may say limits nothing; transformers writes 1e30 for "none".
    pub fn max_length(&self) -> Option<usize> {
        let length = self.model_max_length.as_ref().and_then(Value::as_u64);
        length.and_then(|length| usize::try_from(length).ok()).filter(|length| *length <= MAX_SIZE)
    }
}

/// The `model.safetensors` of a module's folder, or the shards that `model.safetensors.index.json` names.
pub(crate) fn weight_files(files: &Files, folder: &Path) -> Result<Vec<PathBuf>> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let single = folder.join(WEIGHTS_FILE);
    if files.is_file(&single) {
        return Ok(vec![single]);
    }
    let index = folder.join("model.safetensors.index.json");
    if files.is_file(&index) {
        let index: Index = files.json_up_to(&index, MAX_INDEX_BYTES)?;
        let mut shards: Vec<&String> = index.weight_map.values().collect();
        shards.sort();
        shards.dedup();
        return shards.into_iter().map(|shard| Ok(folder.join(inside(shard)?))).collect();
    }
    let pickled = ["pytorch_model.bin", "pytorch_model.bin.index.json"];
    let message = if pickled.iter().any(|name| files.is_file(&folder.join(name))) {
        format!(
            "{} has only pytorch_model.bin, a format that can run code when it is read; convert it once in Python: \
             SentenceTransformer(folder).save(folder, safe_serialization=True)",
            folder.display()
        )
    } else {
        format!("{} has no model.safetensors", folder.display())
    };
    Err(Error::new(ErrorCode::ModelNotFound, message))
}

/// A path that a file of the folder names, refused unless it stays inside the folder on every platform.
fn inside(name: &str) -> Result<&Path> {
    let path = Path::new(name);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if plain && !name.contains(['\\', ':', '\0']) {
        return Ok(path);
    }
    Err(Error::invalid_model(format!("the model folder names a file outside of itself: {name:?}")))
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn names_stay_inside_the_folder() {
        for name in ["model.safetensors", "1_Pooling", "a/b.json", ""] {
            assert!(inside(name).is_ok(), "{name}");
        }
        for name in ["../up", "a/../../b", "/etc/passwd", "C:\\x", "..\\x", "\\\\host\\x", "a\0b", "./x/.."] {
            assert!(inside(name).is_err(), "{name}");
        }
    }
}
