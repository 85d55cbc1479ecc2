//! Sentence embeddings from model folders in the sentence-transformers layout.
//!
//! ```no_run
//! # fn main() -> candle_embed::Result<()> {
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use candle_embed::{EmbedOptions, Embedder, LoadOptions};
//!
//! let model = Arc::new(Embedder::load(Path::new("models/all-MiniLM-L6-v2"), &LoadOptions::default())?);
//! let embeddings = model.embed(vec!["Hello, world".to_owned()], &EmbedOptions::default())?;
//! # let _ = embeddings;
//! # Ok(())
//! # }
//! ```
//!
//! The way of one call is the list of modules: `tokenization`, `batch`, `executor`, `pooling`, `dense`, `normalize`,
//! `output`, held together by `job`. `models` turns a folder's configuration into the `spec` that executors run.

mod batch;
mod dense;
mod device;
mod embedder;
mod error;
mod executor;
mod fault;
mod files;
mod folder;
mod hash;
mod head;
mod info;
mod job;
mod machine;
mod matryoshka;
mod models;
mod normalize;
mod options;
mod output;
mod pooling;
mod quantize;
mod source;
mod space;
mod spec;
mod threads;
mod tokenization;
mod weights;

pub use candle_embed_kernels::release_freed_memory;
pub use device::{DeviceReport, compiled_devices, probe_device};
pub use embedder::Embedder;
pub use error::{Error, ErrorCode, Result, TextContext, panic_message};
#[cfg(feature = "fault-inject")]
pub use fault::set_fault;
pub use files::ModelFiles;
pub use info::ModelInfo;
pub use job::{EmbedJob, Embeddings, JobStep};
pub use machine::{Machine, Peak, measure_peak};
pub use options::{DeviceChoice, DtypeChoice, EmbedOptions, ExecutorChoice, LoadOptions, OutputType, Prompt, Truncate};
pub use output::OutputData;
pub use pooling::PoolingMode;
pub use quantize::{QuantizeReport, quantize_model};
pub use tokenization::Tokens;
