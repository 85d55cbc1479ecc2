//! What a model folder says, read and checked; the weights excepted, which are let go when the model is made.

use std::path::Path;
use std::sync::Arc;

use crate::dense::Dense;
use crate::error::Result;
use crate::files::{Files, MAX_TOKENIZER_BYTES};
use crate::folder::{ModelFolder, TOKENIZER_FILE};
use crate::hash::sha256_hex;
use crate::head::VectorHead;
use crate::info::{Computing, Hashes, ModelInfo};
use crate::models;
use crate::pooling::PoolingMode;
use crate::space::SpaceFields;
use crate::spec::ModelSpec;
use crate::tokenization::TextTokenizer;
use crate::weights::Weights;

/// A folder and what its files say.
pub(crate) struct Source {
    pub folder: ModelFolder,
    pub spec: ModelSpec,
    pub head: Arc<VectorHead>,
    tokenizer_json: Vec<u8>,
}

impl Source {
    /// Reads the folder at `path`; `pooling` is for a folder that does not say how it pools.
    pub fn read(files: Files, path: &Path, pooling: Option<PoolingMode>) -> Result<(Self, Weights)> {
        let folder = ModelFolder::open(files, path, pooling)?;
        let weights = Weights::open(&folder.files, &folder.weights)?;
        let spec = models::describe(&folder, &weights)?;
        let head = Arc::new(VectorHead::load(&folder.files, &folder.head, &spec)?);
        let tokenizer_json = folder.files.read(&folder.path.join(TOKENIZER_FILE), MAX_TOKENIZER_BYTES)?;
        Ok((Self { folder, spec, head, tokenizer_json }, weights))
    }

    /// The folder's tokenizer: as much work as loading the rest.
    pub fn tokenizer(&self) -> Result<TextTokenizer> {
        TextTokenizer::from_json(&self.tokenizer_json, &self.folder, &self.spec)
    }

    /// What the model is that `computing` runs.
    pub fn info(&self, tokenizer: &TextTokenizer, hashes: Hashes, computing: Computing) -> Result<ModelInfo> {
        let Self { folder, spec, head, tokenizer_json } = self;
        let Hashes { weights_sha256, files_sha256 } = hashes;
        let dense: Vec<_> = head.dense.iter().map(Dense::identity).collect();
        let pooling = head.pooling.to_string();
        let space_id = SpaceFields {
            weights: &weights_sha256,
            tokenizer: &sha256_hex(tokenizer_json),
            network: spec,
            lower_case: folder.transformer.do_lower_case,
            tokenizer_config: &folder.tokenizer,
            dense: &dense,
            pooling: &pooling,
            include_prompt: head.include_prompt,
            dimensions: head.dimensions(),
            max_tokens: tokenizer.max_tokens(),
            normalized: head.normalize,
            prompts: &folder.prompts.by_name,
            default_prompt_name: folder.prompts.default_name.as_deref(),
        }
        .id();
        let Computing { device, dtype, executor, threads } = computing;
        Ok(ModelInfo {
            model_type: models::model_type(folder)?.to_owned(),
            dimensions: head.dimensions(),
            max_tokens: tokenizer.max_tokens(),
            pooling,
            normalized: head.normalize,
            prompts: folder.prompts.by_name.clone(),
            default_prompt_name: folder.prompts.default_name.clone(),
            weights_sha256,
            files_sha256,
            space_id,
            device,
            dtype: dtype.to_owned(),
            executor: executor.to_owned(),
            threads,
        })
    }
}
