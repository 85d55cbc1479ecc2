//! The classes and functions of the addon.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use candle_embed::{
    EmbedJob, EmbedOptions, Embedder, Error, JobStep, LoadOptions, ModelInfo, QuantizeReport, Tokens,
    release_freed_memory,
};
use napi::bindgen_prelude::{AsyncTask, Uint32Array};
use napi_derive::napi;

use crate::error::{NativeError, Outcome, guarded};
use crate::options::{
    NativeEmbedOptions, NativeLoadOptions, NativeModelInfo, NativeQuantizeReport, NativeStep, NativeTokens,
};
use crate::tasks::{GuardedTask, Work, spawn};

/// A loaded model.
#[napi]
pub struct NativeEmbedder {
    /// `None` after `dispose`; a job holds its own reference until it is dropped.
    inner: Option<Arc<Embedder>>,
    info: ModelInfo,
}

#[napi]
impl NativeEmbedder {
    /// What the model is.
    #[napi(getter, catch_unwind)]
    pub fn info(&self) -> NativeModelInfo {
        (&self.info).into()
    }

    /// Checks the options of a call and starts it; DISPOSED after `dispose`.
    #[napi(ts_return_type = "NativeJob | NativeError")]
    pub fn start_job(&self, options: NativeEmbedOptions) -> Outcome<NativeJob> {
        let Some(embedder) = &self.inner else { return Outcome::B(disposed()) };
        guarded(|| {
            let job = embedder.start_job(&EmbedOptions::try_from(options)?)?;
            Ok(NativeJob { inner: Arc::new(Mutex::new(Some(job))) })
        })
    }

    /// All tokens of each text, off the event loop; `specialTokens` adds those around every text.
    #[napi(ts_return_type = "Promise<NativeTokens | NativeError> | NativeError")]
    pub fn tokenize(&self, texts: Vec<String>, special_tokens: bool) -> Outcome<AsyncTask<GuardedTask<TokenizeWork>>> {
        self.live(|embedder| spawn(TokenizeWork { embedder, texts, special_tokens }))
    }

    /// The texts that ids spell, off the event loop; `lengths` says how many belong to each.
    #[napi(ts_return_type = "Promise<Array<string> | NativeError> | NativeError")]
    pub fn detokenize(
        &self,
        ids: Uint32Array,
        lengths: Uint32Array,
    ) -> Outcome<AsyncTask<GuardedTask<DetokenizeWork>>> {
        self.live(|embedder| spawn(DetokenizeWork { embedder, ids: ids.to_vec(), lengths: lengths.to_vec() }))
    }

    /// Gives the weights back as soon as no job uses them any more, and what the C library kept of loading and computing.
    #[napi(catch_unwind)]
    pub fn dispose(&mut self) {
        self.inner = None;
        release_freed_memory();
    }

    /// What `work` makes of the model; DISPOSED after `dispose`.
    fn live<T>(&self, work: impl FnOnce(Arc<Embedder>) -> T) -> Outcome<T> {
        match &self.inner {
            Some(embedder) => Outcome::A(work(Arc::clone(embedder))),
            None => Outcome::B(disposed()),
        }
    }
}

fn disposed() -> NativeError {
    NativeError {
        code: "DISPOSED".to_owned(),
        message: "the model was disposed; load it again".to_owned(),
        index: None,
        tokens: None,
        limit: None,
    }
}

/// A call in progress; nothing after its answer, its error, or `close`. An open job keeps the model's weights.
type OpenJob = Arc<Mutex<Option<EmbedJob>>>;

fn lock(job: &OpenJob) -> MutexGuard<'_, Option<EmbedJob>> {
    job.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call in progress.
#[napi]
pub struct NativeJob {
    inner: OpenJob,
}

#[napi]
impl NativeJob {
    /// Copies texts in, before the first step. Lone surrogates become U+FFFD.
    #[napi(catch_unwind)]
    pub fn push(&self, texts: Vec<String>) {
        if let Some(job) = lock(&self.inner).as_mut() {
            job.push(texts);
        }
    }

    /// Works off the event loop for about `budgetMs`, one batch at least. One step at a time.
    #[napi(ts_return_type = "Promise<NativeStep | NativeError>")]
    pub fn step(&self, budget_ms: f64) -> AsyncTask<GuardedTask<StepWork>> {
        let budget = Duration::try_from_secs_f64(budget_ms / 1e3).unwrap_or(Duration::MAX);
        spawn(StepWork { job: Arc::clone(&self.inner), budget })
    }

    /// Gives up the call, and with it its hold on the model. Not while a step runs.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        *lock(&self.inner) = None;
    }
}

/// One step of a job.
pub struct StepWork {
    job: OpenJob,
    budget: Duration,
}

impl Work for StepWork {
    type Output = JobStep;
    type Value = NativeStep;

    fn run(&mut self) -> Result<JobStep, Error> {
        let mut slot = lock(&self.job);
        // Taken out: whatever way the step ends, a job that can't go on is gone.
        let mut job = slot.take().ok_or_else(|| Error::internal("a step of a closed job"))?;
        let step = job.step(self.budget)?;
        if step.result.is_none() {
            *slot = Some(job);
        }
        Ok(step)
    }

    fn value(&mut self, step: JobStep) -> NativeStep {
        step.into()
    }
}

/// Finding the tokens of texts.
pub struct TokenizeWork {
    embedder: Arc<Embedder>,
    texts: Vec<String>,
    special_tokens: bool,
}

impl Work for TokenizeWork {
    type Output = Tokens;
    type Value = NativeTokens;

    fn run(&mut self) -> Result<Tokens, Error> {
        self.embedder.tokenize(&self.texts, self.special_tokens)
    }

    fn value(&mut self, tokens: Tokens) -> NativeTokens {
        tokens.into()
    }
}

/// Finding the texts of tokens.
pub struct DetokenizeWork {
    embedder: Arc<Embedder>,
    ids: Vec<u32>,
    lengths: Vec<u32>,
}

impl Work for DetokenizeWork {
    type Output = Vec<String>;
    type Value = Vec<String>;

    fn run(&mut self) -> Result<Vec<String>, Error> {
        self.embedder.detokenize(&self.ids, &self.lengths)
    }

    fn value(&mut self, texts: Vec<String>) -> Vec<String> {
        texts
    }
}

/// Loading a model.
pub struct LoadWork {
    folder: PathBuf,
    options: Option<NativeLoadOptions>,
}

impl Work for LoadWork {
    type Output = Embedder;
    type Value = NativeEmbedder;

    fn run(&mut self) -> Result<Embedder, Error> {
        let options = LoadOptions::try_from(self.options.take().unwrap_or_default())?;
        Embedder::load(&self.folder, &options)
    }

    fn value(&mut self, embedder: Embedder) -> NativeEmbedder {
        let info = embedder.info().clone();
        NativeEmbedder { inner: Some(Arc::new(embedder)), info }
    }
}

/// Loads the model folder `folder`.
#[napi(ts_return_type = "Promise<NativeEmbedder | NativeError>")]
pub fn load_model(folder: String, options: NativeLoadOptions) -> AsyncTask<GuardedTask<LoadWork>> {
    spawn(LoadWork { folder: folder.into(), options: Some(options) })
}

/// Quantising a model.
pub struct QuantizeWork {
    source: PathBuf,
    target: PathBuf,
    pooling: Option<String>,
}

impl Work for QuantizeWork {
    type Output = QuantizeReport;
    type Value = NativeQuantizeReport;

    fn run(&mut self) -> Result<QuantizeReport, Error> {
        let pooling = self.pooling.as_deref().map(str::parse).transpose()?;
        candle_embed::quantize_model(&self.source, &self.target, pooling)
    }

    fn value(&mut self, report: QuantizeReport) -> NativeQuantizeReport {
        report.into()
    }
}

/// Writes an int8 copy of the float model folder `source` to `target`. The same input gives the same bytes.
#[napi(ts_return_type = "Promise<NativeQuantizeReport | NativeError>")]
pub fn quantize_model(source: String, target: String, pooling: Option<String>) -> AsyncTask<GuardedTask<QuantizeWork>> {
    spawn(QuantizeWork { source: source.into(), target: target.into(), pooling })
}

/// Arms a panic in the stage `name` ("load", "tokenize", "forward", "pool") or a failure of a device ("device-memory:N",
/// "device-lost"), or none. In test builds only.
#[cfg(feature = "fault-inject")]
#[napi]
pub fn set_fault(name: Option<String>) {
    candle_embed::set_fault(name);
}
