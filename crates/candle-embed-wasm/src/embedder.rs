//! The classes of the module.

use std::sync::Arc;
use std::time::Duration;

use candle_embed::{EmbedJob, Embedder, Embeddings, ModelFiles, OutputData, Tokens};
use js_sys::{Float32Array, Int8Array, Object, Uint8Array, Uint32Array};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{json, keep_panics, take_panic, thrown};
use crate::options::{ModuleInfo, embed_options, load_options};

/// Called once, when the module starts.
#[wasm_bindgen(start)]
pub fn start() {
    keep_panics();
}

/// The message of the panic that ended the module, where it was one that did.
#[wasm_bindgen(js_name = lastPanic)]
pub fn last_panic() -> Option<String> {
    take_panic()
}

/// The files of a model, by their paths in its folder.
#[wasm_bindgen]
#[derive(Default)]
pub struct ModuleFiles(ModelFiles);

#[wasm_bindgen]
impl ModuleFiles {
    /// No files yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Copies a file in.
    pub fn insert(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.insert(name, bytes);
    }
}

/// A loaded model.
#[wasm_bindgen]
pub struct ModuleEmbedder(Arc<Embedder>);

#[wasm_bindgen]
impl ModuleEmbedder {
    /// Loads the model whose folder has these files.
    pub fn load(files: ModuleFiles, options: &str) -> Result<ModuleEmbedder, JsValue> {
        let load = || Embedder::load_files(files.0, &load_options(options)?);
        load().map(|embedder| Self(Arc::new(embedder))).map_err(thrown)
    }

    /// What the model is, as JSON.
    #[wasm_bindgen(getter)]
    pub fn info(&self) -> JsValue {
        json(&ModuleInfo::from(self.0.info()))
    }

    /// Checks the options of a call and starts it.
    #[wasm_bindgen(js_name = startJob)]
    pub fn start_job(&self, options: &str) -> Result<ModuleJob, JsValue> {
        let start = || self.0.start_job(&embed_options(options)?);
        start().map(ModuleJob).map_err(thrown)
    }

    /// All tokens of each text; `special_tokens` adds those around every text.
    pub fn tokenize(&self, texts: Vec<String>, special_tokens: bool) -> Result<ModuleTokens, JsValue> {
        self.0.tokenize(&texts, special_tokens).map(ModuleTokens).map_err(thrown)
    }

    /// The texts that ids spell; `lengths` says how many belong to each.
    pub fn detokenize(&self, ids: Vec<u32>, lengths: Vec<u32>) -> Result<Vec<String>, JsValue> {
        self.0.detokenize(&ids, &lengths).map_err(thrown)
    }
}

/// A call in progress.
#[wasm_bindgen]
pub struct ModuleJob(EmbedJob);

#[wasm_bindgen]
impl ModuleJob {
    /// Copies texts in, before the first step. Lone surrogates become U+FFFD.
    pub fn push(&mut self, texts: Vec<String>) {
        self.0.push(texts);
    }

    /// Works for about `budget_ms`, one batch at least.
    pub fn step(&mut self, budget_ms: f64) -> Result<ModuleStep, JsValue> {
        let budget = Duration::try_from_secs_f64(budget_ms / 1e3).unwrap_or(Duration::MAX);
        let step = self.0.step(budget).map_err(thrown)?;
        Ok(ModuleStep {
            texts: step.texts,
            tokens: step.tokens as f64,
            total_texts: step.total_texts,
            result: step.result.map(ModuleEmbeddings),
        })
    }
}

/// Where a job stands.
#[wasm_bindgen]
pub struct ModuleStep {
    /// Texts that are finished.
    #[wasm_bindgen(readonly)]
    pub texts: usize,
    /// Their tokens.
    #[wasm_bindgen(readonly)]
    pub tokens: f64,
    /// Texts of the call.
    #[wasm_bindgen(readonly, js_name = totalTexts)]
    pub total_texts: usize,
    result: Option<ModuleEmbeddings>,
}

#[wasm_bindgen]
impl ModuleStep {
    /// The answer, on the last step, once.
    #[wasm_bindgen(js_name = takeResult)]
    pub fn take_result(&mut self) -> Option<ModuleEmbeddings> {
        self.result.take()
    }
}

/// The vectors of a call.
#[wasm_bindgen]
pub struct ModuleEmbeddings(Embeddings);

#[wasm_bindgen]
impl ModuleEmbeddings {
    /// All vectors, copied out of the module's memory.
    #[wasm_bindgen(getter)]
    pub fn data(&self) -> Object {
        match &self.0.data {
            OutputData::Float32(data) => Float32Array::from(&data[..]).into(),
            OutputData::Int8(data) => Int8Array::from(&data[..]).into(),
            OutputData::Uint8(data) => Uint8Array::from(&data[..]).into(),
        }
    }

    /// Tokens used of each text.
    #[wasm_bindgen(getter)]
    pub fn tokens(&self) -> Uint32Array {
        Uint32Array::from(&self.0.tokens[..])
    }

    /// Indices of the texts that lost tokens.
    #[wasm_bindgen(getter)]
    pub fn truncated(&self) -> Uint32Array {
        Uint32Array::from(&self.0.truncated[..])
    }

    /// Components of each vector, before bits are packed.
    #[wasm_bindgen(getter)]
    pub fn dimensions(&self) -> usize {
        self.0.dimensions
    }
}

/// Tokens of texts, one after another.
#[wasm_bindgen]
pub struct ModuleTokens(Tokens);

#[wasm_bindgen]
impl ModuleTokens {
    /// Ids of all texts.
    #[wasm_bindgen(getter)]
    pub fn ids(&self) -> Uint32Array {
        Uint32Array::from(&self.0.ids[..])
    }

    /// Start and end of each id in its text, in UTF-16 code units; a special token is empty.
    #[wasm_bindgen(getter)]
    pub fn offsets(&self) -> Uint32Array {
        Uint32Array::from(&self.0.offsets[..])
    }

    /// Ids of each text.
    #[wasm_bindgen(getter)]
    pub fn lengths(&self) -> Uint32Array {
        Uint32Array::from(&self.0.lengths[..])
    }
}
