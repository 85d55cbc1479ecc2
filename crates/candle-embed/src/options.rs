//! What a caller may ask for when loading a model and when embedding.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::pooling::PoolingMode;

/// How a model is loaded.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Where the encoder runs.
    pub device: DeviceChoice,
    /// In which arithmetic it runs.
    pub dtype: DtypeChoice,
    /// Threads to compute with; `None` takes `CANDLE_EMBED_THREADS`, else the CPU quota of the process.
    pub threads: Option<usize>,
    /// Upper limit of the tokens that are computed between two looks at the clock; `None` takes a good one.
    pub batch_tokens: Option<usize>,
    /// Which implementation runs.
    pub executor: ExecutorChoice,
    /// Pooling for a folder that does not say how it pools; an error where the folder says it.
    pub pooling: Option<PoolingMode>,
    /// Lengths that the model was trained to be cut to, where more is known of it than its folder says.
    pub matryoshka_dimensions: Vec<usize>,
    /// Whether quantised weights are hashed too, for [`crate::ModelInfo::files_sha256`]; those of others are always.
    pub hash_files: bool,
}

/// Which implementation of an encoder runs on the CPU; on GPUs there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExecutorChoice {
    /// Packed tokens on this project's own CPU kernels.
    #[default]
    Packed,
    /// Candle tensors: the reference. int8 weights are widened to float32.
    Candle,
    /// What runs on GPUs, on Candle's CPU device: for tests without a GPU. Takes every dtype but int8.
    Device,
}

impl FromStr for ExecutorChoice {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "packed" => Ok(Self::Packed),
            "candle" => Ok(Self::Candle),
            "device" => Ok(Self::Device),
            _ => Err(Error::invalid_input(format!("unknown executor {name:?}; use packed, candle or device"))),
        }
    }
}

/// `"auto"`, `"cpu"`, `"metal"`, `"cuda"` or `"cuda:N"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The processor: which GPU is worth it, and whether it works, the engine's caller knows better
    /// ([`probe_device`](crate::probe_device)).
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An Apple GPU.
    Metal,
    /// The NVIDIA GPU of that ordinal.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "metal" => Ok(Self::Metal),
            "cuda" => Ok(Self::Cuda(0)),
            _ => name.strip_prefix("cuda:").and_then(|ordinal| ordinal.parse().ok()).map(Self::Cuda).ok_or_else(|| {
                Error::invalid_input(format!("unknown device {name:?}; use auto, cpu, metal, cuda or cuda:N"))
            }),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto | Self::Cpu => formatter.write_str("cpu"),
            Self::Metal => formatter.write_str("metal"),
            Self::Cuda(ordinal) => write!(formatter, "cuda:{ordinal}"),
        }
    }
}

/// The arithmetic of the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DtypeChoice {
    /// On the CPU int8 for a folder with int8 weights, float32 for every other one; float16 on a GPU.
    #[default]
    Auto,
    /// float32 arithmetic; int8 weights are widened at load.
    Float32,
    /// int8 (CPU only): the stored weights, or what [`quantize_model`](crate::quantize_model) would store of float weights, made at
    /// every load.
    Int8,
    /// Half precision (GPUs only).
    Float16,
    /// bfloat16 (GPUs only).
    Bfloat16,
}

impl FromStr for DtypeChoice {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "float32" => Ok(Self::Float32),
            "int8" => Ok(Self::Int8),
            "float16" => Ok(Self::Float16),
            "bfloat16" => Ok(Self::Bfloat16),
            _ => Err(Error::invalid_input(format!(
                "unknown dtype {name:?}; use auto, float32, int8, float16 or bfloat16"
            ))),
        }
    }
}

/// What is put before every text of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Prompt {
    /// The folder's default prompt, usually none.
    #[default]
    Default,
    /// The prompt for questions, where the folder has one.
    Query,
    /// The prompt for passages, where the folder has one.
    Document,
    /// A prompt of the folder by its name.
    Named(String),
    /// This text.
    Text(String),
}

impl Prompt {
    /// What the options of a call ask for: `prompt` is a text, `name` one of the folder's prompts, `input_type` "query" or
    /// "document".
    ///
    /// # Errors
    ///
    /// `INVALID_INPUT` for a text and a name together, and for another `input_type`.
    pub fn choose(text: Option<String>, name: Option<String>, input_type: Option<&str>) -> Result<Self> {
        match (text, name, input_type) {
            (Some(_), Some(_), _) => Err(Error::invalid_input("give prompt or promptName, not both")),
            (Some(text), None, _) => Ok(Self::Text(text)),
            (None, Some(name), _) => Ok(Self::Named(name)),
            (None, None, None) => Ok(Self::Default),
            (None, None, Some("query")) => Ok(Self::Query),
            (None, None, Some("document")) => Ok(Self::Document),
            (None, None, Some(other)) => {
                Err(Error::invalid_input(format!("unknown inputType {other:?}; use query or document")))
            }
        }
    }
}

/// Which end a text that is too long loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Truncate {
    /// The last tokens go (what sentence-transformers does).
    #[default]
    End,
    /// The first tokens go.
    Start,
    /// None: the call fails with `INPUT_TOO_LONG`.
    Error,
}

impl FromStr for Truncate {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "end" => Ok(Self::End),
            "start" => Ok(Self::Start),
            "error" => Ok(Self::Error),
            _ => Err(Error::invalid_input(format!("unknown truncate {name:?}; use end, start or error"))),
        }
    }
}

/// The numbers that a vector is delivered in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutputType {
    /// As the model gives them.
    #[default]
    Float32,
    /// Scaled so that the largest component of each vector is ±127, then rounded. Cosines are kept to about 1e-3.
    Int8,
    /// [`OutputType::Int8`] plus 128.
    Uint8,
    /// One bit a component (1 where positive), eight to a byte, first component in the highest bit, minus 128.
    Binary,
    /// [`OutputType::Binary`] without the offset.
    Ubinary,
}

impl FromStr for OutputType {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "float32" => Ok(Self::Float32),
            "int8" => Ok(Self::Int8),
            "uint8" => Ok(Self::Uint8),
            "binary" => Ok(Self::Binary),
            "ubinary" => Ok(Self::Ubinary),
            _ => Err(Error::invalid_input(format!(
                "unknown outputType {name:?}; use float32, int8, uint8, binary or ubinary"
            ))),
        }
    }
}

/// How the texts of one call are embedded.
#[derive(Debug, Clone, Default)]
pub struct EmbedOptions {
    /// What is put before every text.
    pub prompt: Prompt,
    /// Keep the first so many components (Matryoshka models) and renormalise; `None` keeps all.
    pub dimensions: Option<usize>,
    /// Cut to `dimensions` whatever the model was trained for.
    pub cut_without_matryoshka: bool,
    /// Unit length or not; `None` does what the folder says.
    pub normalize: Option<bool>,
    /// What happens to texts beyond the model's limit.
    pub truncate: Truncate,
    /// The numbers of the answer.
    pub output: OutputType,
}
