//! RoBERTa and XLM-RoBERTa: all-distilroberta, all-roberta-large, multilingual-e5, paraphrase-multilingual-*, bge-m3's
//! dense vectors and others. BERT's layers; only positions are counted otherwise.
//!
//! Source: `RobertaEmbeddings` and `XLMRobertaEmbeddings` of transformers, `modeling_roberta.py`.

use serde_json::Value;

use super::bert;
use crate::error::{Error, Result};
use crate::spec::EncoderSpec;
use crate::weights::Weights;

/// `pad_token_id` of transformers' `RobertaConfig`.
const DEFAULT_PADDING: u64 = 1;

/// The encoder that `config` and the tensors of `weights` describe.
pub(super) fn describe(config: &Value, weights: &Weights) -> Result<EncoderSpec> {
    let padding = match config.get("pad_token_id") {
        None => DEFAULT_PADDING,
        Some(id) => id.as_u64().ok_or_else(|| Error::invalid_model(format!("config.json says pad_token_id {id}")))?,
    };
    // The id is a row of the position table as well.
    let rows = config.get("max_position_embeddings").and_then(Value::as_u64).unwrap_or_default();
    if padding.saturating_add(1) >= rows {
        return Err(Error::invalid_model(format!(
            "config.json: positions start behind pad_token_id {padding}, but there are {rows} of them"
        )));
    }
    bert::encoder(config, weights, "roberta.", u32::try_from(padding).ok())
}
