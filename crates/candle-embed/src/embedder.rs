//! A loaded model.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use candle_core::DType;
use candle_embed_kernels::ThreadPool;

use crate::device::{DeviceThread, check_cpu_dtype, dtype_name, gpu_dtype, unavailable};
use crate::error::{Error, Result};
use crate::executor::{CandleExecutor, DeviceExecutor, Executor, PackedExecutor, StaticExecutor};
use crate::fault;
use crate::files::{Files, ModelFiles};
use crate::head::{VectorHead, VectorShape};
use crate::info::{Computing, Hashes, ModelInfo};
use crate::job::{EmbedJob, Embeddings, JobOptions};
use crate::matryoshka::{check_cut, shortest_cut};
use crate::options::{DeviceChoice, DtypeChoice, EmbedOptions, ExecutorChoice, LoadOptions, OutputType, Prompt};
use crate::quantize::quantized;
use crate::source::Source;
use crate::spec::ModelSpec;
use crate::threads::{Beside, thread_count};
use crate::tokenization::{TextTokenizer, Tokens};
use crate::weights::Weights;

/// Default upper limit of a batch in tokens: a second of work for a small model, so that a step keeps to its budget
/// even where the speed changes.
const MAX_BATCH_TOKENS: usize = 16_384;

/// What computes.
pub(crate) enum Engine {
    /// The threads of this process; they give hidden states.
    Cpu(Box<dyn Executor>),
    /// A device; it gives vectors.
    Device(DeviceExecutor),
}

/// A model that embeds texts. One inference at a time uses all of its threads; callers on other threads wait.
pub struct Embedder {
    pub(crate) tokenizer: TextTokenizer,
    pub(crate) engine: Engine,
    pub(crate) head: Arc<VectorHead>,
    pub(crate) threads: ThreadPool,
    /// Most tokens of a batch, where the caller said it.
    batch_tokens: Option<usize>,
    /// See [`shortest_cut`].
    shortest_cut: Option<usize>,
    info: ModelInfo,
}

impl Embedder {
    /// Loads the model folder at `path`.
    ///
    /// # Errors
    ///
    /// `MODEL_NOT_FOUND` where the folder or a required file is absent, `MODEL_INVALID` where a file is damaged or
    /// contradicts another, `UNSUPPORTED_ARCHITECTURE` where the model can't be reproduced exactly,
    /// `DEVICE_UNAVAILABLE`, and `INVALID_INPUT` for options out of range.
    pub fn load(path: &Path, options: &LoadOptions) -> Result<Self> {
        Self::open(Files::Disk, path, options)
    }

    /// Loads the model whose folder has these `files`. Needs no file system, and holds them and its own copy of the
    /// weights for a moment.
    ///
    /// # Errors
    ///
    /// As [`Embedder::load`].
    pub fn load_files(files: ModelFiles, options: &LoadOptions) -> Result<Self> {
        Self::open(Files::Memory(files), Path::new(""), options)
    }

    /// Reads the files, makes what computes, describes both.
    fn open(files: Files, path: &Path, options: &LoadOptions) -> Result<Self> {
        fault::point("load");
        let threads = ThreadPool::new(thread_count(options.threads)?);
        let device = device(options)?;
        if options.batch_tokens == Some(0) {
            return Err(Error::invalid_input("batchTokens must be at least 1"));
        }
        let (source, mut weights) = Source::read(files, path, options.pooling)?;
        let Source { spec, head, .. } = &source;
        // Whose hash is not that of the files.
        let is_copy = weights.quantization().is_some();
        let mut tokenizer = None;
        if options.dtype == DtypeChoice::Int8 && weights.quantization().is_none() {
            let made = source.tokenizer()?;
            weights = quantized(&source, &weights, &made, threads.threads())?;
            tokenizer = Some(made);
        }
        let weights = Arc::new(weights);
        let int8 = device.is_none() && weights.quantization().is_some() && options.dtype != DtypeChoice::Float32;
        let max_tokens = source.folder.max_tokens(spec);
        // Three independent jobs of similar length; together they are all of the time that loading takes.
        let make_tokenizer = || source.tokenizer();
        let hash_weights = || {
            let weights_sha256 = weights.sha256();
            let files_sha256 = match is_copy {
                false => Some(weights_sha256.clone()),
                true => options.hash_files.then(|| weights.files_sha256()),
            };
            Hashes { weights_sha256, files_sha256 }
        };
        let (tokenizer, hashes, engine) = thread::scope(|scope| {
            // Made already, or by a thread.
            let tokenizer = tokenizer.map_or_else(|| Err(Beside::start(scope, &make_tokenizer)), Ok);
            let hashes = Beside::start(scope, &hash_weights);
            let engine = match &device {
                Some((thread, dtype)) => on_device(thread, *dtype, spec, &weights, head, max_tokens),
                None => executor(spec, &weights, options.executor, int8, &threads, max_tokens).map(Engine::Cpu),
            };
            (tokenizer.or_else(Beside::join), hashes.join(), engine)
        });
        let (tokenizer, engine) = (tokenizer?, engine?);
        let computing = Computing {
            device: device.as_ref().map_or_else(|| "cpu".to_owned(), |(thread, _)| thread.name.clone()),
            dtype: match &device {
                Some((_, dtype)) => dtype_name(*dtype),
                None if int8 => "int8",
                None => "float32",
            },
            executor: match (spec, &device, options.executor) {
                (ModelSpec::Static(_), _, _) => "static",
                (_, Some(_), _) => "device",
                (_, None, ExecutorChoice::Candle) => "candle",
                (_, None, _) => "packed",
            },
            threads: threads.threads(),
        };
        let info = source.info(&tokenizer, hashes, computing)?;
        Ok(Self {
            tokenizer,
            engine,
            head: source.head,
            threads,
            batch_tokens: options.batch_tokens,
            shortest_cut: shortest_cut(&source.folder.config, &options.matryoshka_dimensions),
            info,
        })
    }

    /// What this model is.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Most tokens of a batch.
    pub(crate) fn batch_tokens(&self) -> usize {
        self.batch_tokens.unwrap_or_else(|| match &self.engine {
            Engine::Cpu(_) => MAX_BATCH_TOKENS,
            Engine::Device(device) => device.budget(),
        })
    }

    /// Embeds `texts` and waits for the answer.
    ///
    /// # Errors
    ///
    /// `INVALID_INPUT` for options the model can't fulfil, `INPUT_TOO_LONG` with [`Truncate::Error`], `MODEL_INVALID`
    /// where damaged weights give numbers that are not finite.
    ///
    /// [`Truncate::Error`]: crate::Truncate::Error
    pub fn embed(self: &Arc<Self>, texts: Vec<String>, options: &EmbedOptions) -> Result<Embeddings> {
        let mut job = self.start_job(options)?;
        job.push(texts);
        loop {
            if let Some(embeddings) = job.step(Duration::MAX)?.result {
                return Ok(embeddings);
            }
        }
    }

    /// All tokens of each of `texts`, which are not cut, with their places; `special` adds those around every text. On
    /// the caller's thread, about 0.5 s a megabyte.
    ///
    /// # Errors
    ///
    /// `INVALID_INPUT` for a text that the model's tokenizer can't take.
    pub fn tokenize(&self, texts: &[String], special: bool) -> Result<Tokens> {
        let mut tokens = Tokens::default();
        for (index, text) in texts.iter().enumerate() {
            self.tokenizer.tokenize(index, text, special, &mut tokens)?;
        }
        Ok(tokens)
    }

    /// The texts that `ids` spell; `lengths` says how many belong to each. Special tokens around a text are left out. The
    /// ids of a whole text give a text with the same ids, unless it has characters that a SentencePiece model does not
    /// know.
    ///
    /// # Errors
    ///
    /// `INVALID_INPUT` for an id that the tokenizer does not have, or lengths that are not those of `ids`.
    pub fn detokenize(&self, ids: &[u32], lengths: &[u32]) -> Result<Vec<String>> {
        let total: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
        if total != ids.len() as u64 {
            return Err(Error::invalid_input(format!("lengths are of {total} ids, not of {}", ids.len())));
        }
        let mut rest = ids;
        let texts = lengths.iter().enumerate().map(|(index, length)| {
            let (own, others) = rest.split_at(*length as usize);
            rest = others;
            self.tokenizer.detokenize(index, own)
        });
        texts.collect()
    }

    /// Starts a call that is worked on in steps.
    ///
    /// # Errors
    ///
    /// `INVALID_INPUT` for options the model can't fulfil.
    pub fn start_job(self: &Arc<Self>, options: &EmbedOptions) -> Result<EmbedJob> {
        let full = self.info.dimensions;
        let dimensions = options.dimensions.unwrap_or(full);
        check_cut(dimensions, full, self.shortest_cut, options.cut_without_matryoshka)?;
        if matches!(options.output, OutputType::Binary | OutputType::Ubinary) && !dimensions.is_multiple_of(8) {
            return Err(Error::invalid_input(format!(
                "binary vectors need dimensions that are a multiple of 8, not {dimensions}"
            )));
        }
        let prompt = self.prompt(&options.prompt)?.to_owned();
        let shape = VectorShape {
            dimensions,
            normalize: options.normalize.unwrap_or(self.info.normalized),
            skipped_tokens: if self.head.include_prompt { 0 } else { self.tokenizer.prompt_tokens(&prompt)? },
        };
        Ok(EmbedJob::new(
            Arc::clone(self),
            JobOptions { prompt, truncate: options.truncate, shape, output: options.output },
        ))
    }

    /// The text of `prompt`, by the rules of sentence-transformers' `encode`, `encode_query` and `encode_document`: a
    /// query or document takes the first of the customary names that the folder has, and no prompt, not the default
    /// one, where it has none of them.
    fn prompt<'a>(&'a self, prompt: &'a Prompt) -> Result<&'a str> {
        let prompts = &self.info.prompts;
        let first = |names: &[&str]| names.iter().find_map(|name| prompts.get(*name));
        let text = match prompt {
            Prompt::Text(text) => Some(text),
            Prompt::Named(name) => Some(prompts.get(name).ok_or_else(|| {
                let names: Vec<_> = prompts.keys().map(String::as_str).collect();
                let known =
                    if names.is_empty() { "has no prompts".to_owned() } else { format!("has {}", names.join(", ")) };
                Error::invalid_input(format!("there is no prompt named {name:?}; the model {known}"))
            })?),
            Prompt::Default => self.info.default_prompt_name.as_ref().and_then(|name| prompts.get(name)),
            Prompt::Query => first(&["query"]),
            Prompt::Document => first(&["document", "passage", "corpus"]),
        };
        Ok(text.map_or("", String::as_str))
    }
}

/// The device that `options` ask for and its arithmetic; none where the CPU's own executors run.
fn device(options: &LoadOptions) -> Result<Option<(Arc<DeviceThread>, DType)>> {
    let cpu = matches!(options.device, DeviceChoice::Auto | DeviceChoice::Cpu);
    if cpu && options.executor != ExecutorChoice::Device {
        check_cpu_dtype(options.dtype)?;
        return Ok(None);
    }
    let dtype = if cpu && options.dtype == DtypeChoice::Auto { DType::F32 } else { gpu_dtype(options.dtype)? };
    let choice = if cpu { DeviceChoice::Cpu } else { options.device };
    Ok(Some((DeviceThread::of(choice)?, dtype)))
}

fn on_device(
    thread: &Arc<DeviceThread>,
    dtype: DType,
    spec: &ModelSpec,
    weights: &Arc<Weights>,
    head: &Arc<VectorHead>,
    longest: usize,
) -> Result<Engine> {
    match spec {
        ModelSpec::Encoder(spec) => {
            DeviceExecutor::load(Arc::clone(thread), spec, weights, head, dtype, longest).map(Engine::Device)
        }
        ModelSpec::Static(_) => Err(unavailable(
            "static embeddings are a look-up and a mean, for which no GPU is needed; use device \"cpu\"",
        )),
    }
}

/// The executor on the CPU that was chosen, with its copy of the weights; `int8` keeps stored int8 weights as they are.
fn executor(
    spec: &ModelSpec,
    weights: &Weights,
    choice: ExecutorChoice,
    int8: bool,
    threads: &ThreadPool,
    longest: usize,
) -> Result<Box<dyn Executor>> {
    match (spec, choice) {
        (ModelSpec::Static(spec), _) => Ok(Box::new(StaticExecutor::new(spec, weights)?)),
        (ModelSpec::Encoder(spec), ExecutorChoice::Candle) => {
            Ok(Box::new(CandleExecutor::new(spec, weights, threads.threads(), longest)?))
        }
        (ModelSpec::Encoder(spec), _) => Ok(Box::new(PackedExecutor::new(spec, weights, int8, longest)?)),
    }
}
