//! What crosses the boundary as plain objects.

use std::collections::HashMap;
use std::str::FromStr;

use candle_embed::{
    EmbedOptions, Embeddings, Error, JobStep, LoadOptions, ModelInfo, OutputData, Prompt, QuantizeReport, Tokens,
};
use napi::bindgen_prelude::{Either3, Float32Array, Int8Array, Uint8Array, Uint32Array};
use napi_derive::napi;

/// How a model is loaded.
#[napi(object, object_to_js = false)]
#[derive(Default)]
pub struct NativeLoadOptions {
    /// "auto", "cpu", "metal", "cuda", "cuda:N".
    pub device: Option<String>,
    /// "auto", "float32", "int8", "float16", "bfloat16".
    pub dtype: Option<String>,
    /// 0 or absent: `CANDLE_EMBED_THREADS`, else the CPU quota.
    pub threads: Option<u32>,
    /// Token budget of a batch; 0 or absent: the engine's choice.
    pub batch_tokens: Option<u32>,
    /// For folders that do not say how they pool.
    pub pooling: Option<String>,
    /// Lengths that the model was trained to be cut to, beside those that its folder says.
    pub matryoshka_dimensions: Option<Vec<u32>>,
    /// Whether the files of quantised weights are hashed too; those of others always are.
    pub hash_files: Option<bool>,
    /// On the CPU "packed" or, to compare with, "candle" and "device" (what runs on GPUs).
    pub executor: Option<String>,
}

fn parse<T: FromStr<Err = Error>>(value: Option<String>) -> Result<Option<T>, Error> {
    value.map(|value| value.parse()).transpose()
}

fn positive(value: Option<u32>) -> Option<usize> {
    value.map(|value| value as usize).filter(|value| *value > 0)
}

impl TryFrom<NativeLoadOptions> for LoadOptions {
    type Error = Error;

    fn try_from(options: NativeLoadOptions) -> Result<Self, Error> {
        Ok(Self {
            device: parse(options.device)?.unwrap_or_default(),
            dtype: parse(options.dtype)?.unwrap_or_default(),
            threads: positive(options.threads),
            batch_tokens: positive(options.batch_tokens),
            executor: parse(options.executor)?.unwrap_or_default(),
            hash_files: options.hash_files.unwrap_or_default(),
            pooling: parse(options.pooling)?,
            matryoshka_dimensions: options
                .matryoshka_dimensions
                .unwrap_or_default()
                .into_iter()
                .map(|dimensions| dimensions as usize)
                .collect(),
        })
    }
}

/// How the texts of a call are embedded.
#[napi(object, object_to_js = false)]
#[derive(Default)]
pub struct NativeEmbedOptions {
    /// "query" or "document".
    pub input_type: Option<String>,
    /// A prompt of the model by name.
    pub prompt_name: Option<String>,
    /// A prompt as text.
    pub prompt: Option<String>,
    /// Keep the first so many components.
    pub dimensions: Option<u32>,
    /// Cut whatever the model was trained for.
    pub cut_without_matryoshka: Option<bool>,
    /// Unit length or not; absent: as the model says.
    pub normalize: Option<bool>,
    /// "end", "start" or "error".
    pub truncate: Option<String>,
    /// "float32", "int8", "uint8", "binary" or "ubinary".
    pub output_type: Option<String>,
}

impl TryFrom<NativeEmbedOptions> for EmbedOptions {
    type Error = Error;

    fn try_from(options: NativeEmbedOptions) -> Result<Self, Error> {
        Ok(Self {
            prompt: Prompt::choose(options.prompt, options.prompt_name, options.input_type.as_deref())?,
            dimensions: options.dimensions.map(|dimensions| dimensions as usize),
            cut_without_matryoshka: options.cut_without_matryoshka.unwrap_or(false),
            normalize: options.normalize,
            truncate: parse(options.truncate)?.unwrap_or_default(),
            output: parse(options.output_type)?.unwrap_or_default(),
        })
    }
}

/// What a loaded model is.
#[napi(object, object_from_js = false)]
pub struct NativeModelInfo {
    /// `model_type` of config.json.
    pub model_type: String,
    /// Components of an uncut vector.
    pub dimensions: u32,
    /// Most tokens of a text, special tokens included.
    pub max_tokens: u32,
    /// Pooling mode; several are joined by "+".
    pub pooling: String,
    /// Whether vectors have unit length by default.
    pub normalized: bool,
    /// Prompts by name.
    pub prompts: HashMap<String, String>,
    /// The prompt of calls that name none.
    pub default_prompt_name: Option<String>,
    /// SHA-256 of the float weights.
    pub weights_sha256: String,
    /// SHA-256 of the weights' files as they are; of quantised ones only where `hashFiles` asks for it.
    pub files_sha256: Option<String>,
    /// Identity of the vector space.
    pub space_id: String,
    /// "cpu", "metal" or "cuda:N".
    pub device: String,
    /// "float32", "int8", "float16" or "bfloat16".
    pub dtype: String,
    /// "packed", "candle", "device" or "static".
    pub executor: String,
    /// Threads that compute.
    pub threads: u32,
}

impl From<&ModelInfo> for NativeModelInfo {
    fn from(info: &ModelInfo) -> Self {
        Self {
            model_type: info.model_type.clone(),
            dimensions: info.dimensions as u32,
            max_tokens: info.max_tokens as u32,
            pooling: info.pooling.clone(),
            normalized: info.normalized,
            prompts: info.prompts.clone().into_iter().collect(),
            default_prompt_name: info.default_prompt_name.clone(),
            weights_sha256: info.weights_sha256.clone(),
            files_sha256: info.files_sha256.clone(),
            space_id: info.space_id.clone(),
            device: info.device.clone(),
            dtype: info.dtype.clone(),
            executor: info.executor.clone(),
            threads: info.threads as u32,
        }
    }
}

/// The vectors of a call. Typed arrays take over Rust's memory without a copy.
#[napi(object, object_from_js = false)]
pub struct NativeEmbeddings {
    /// count x dimensions, row-major (binary types: dimensions / 8 bytes a row).
    pub data: Either3<Float32Array, Int8Array, Uint8Array>,
    /// Tokens used of each text.
    pub tokens: Uint32Array,
    /// Indices of the texts that lost tokens.
    pub truncated: Uint32Array,
    /// Components of each vector, before bits are packed.
    pub dimensions: u32,
}

impl From<Embeddings> for NativeEmbeddings {
    fn from(embeddings: Embeddings) -> Self {
        Self {
            data: match embeddings.data {
                OutputData::Float32(data) => Either3::A(data.into()),
                OutputData::Int8(data) => Either3::B(data.into()),
                OutputData::Uint8(data) => Either3::C(data.into()),
            },
            tokens: embeddings.tokens.into(),
            truncated: embeddings.truncated.into(),
            dimensions: embeddings.dimensions as u32,
        }
    }
}

/// Where a job stands.
#[napi(object, object_from_js = false)]
pub struct NativeStep {
    /// Texts that are finished.
    pub texts: u32,
    /// Their tokens.
    pub tokens: f64,
    /// Texts of the call.
    pub total_texts: u32,
    /// The answer, on the last step.
    pub result: Option<NativeEmbeddings>,
}

impl From<JobStep> for NativeStep {
    fn from(step: JobStep) -> Self {
        Self {
            texts: step.texts as u32,
            tokens: step.tokens as f64,
            total_texts: step.total_texts as u32,
            result: step.result.map(Into::into),
        }
    }
}

/// Tokens of texts, one after another.
#[napi(object, object_from_js = false)]
pub struct NativeTokens {
    /// Ids of all texts.
    pub ids: Uint32Array,
    /// Start and end of each id in its text, in UTF-16 code units; a special token is empty.
    pub offsets: Uint32Array,
    /// Ids of each text.
    pub lengths: Uint32Array,
}

impl From<Tokens> for NativeTokens {
    fn from(tokens: Tokens) -> Self {
        Self { ids: tokens.ids.into(), offsets: tokens.offsets.into(), lengths: tokens.lengths.into() }
    }
}

/// What quantising a model did.
#[napi(object, object_from_js = false)]
pub struct NativeQuantizeReport {
    /// Bytes of the source's weights.
    pub bytes_before: f64,
    /// Bytes of the weights written.
    pub bytes_after: f64,
    /// Matrices that became int8.
    pub matrices: u32,
    /// SHA-256 of the source's weights.
    pub source_sha256: String,
}

impl From<QuantizeReport> for NativeQuantizeReport {
    fn from(report: QuantizeReport) -> Self {
        Self {
            bytes_before: report.bytes_before as f64,
            bytes_after: report.bytes_after as f64,
            matrices: report.matrices as u32,
            source_sha256: report.source_sha256,
        }
    }
}
