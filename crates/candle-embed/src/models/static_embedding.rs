//! Static embeddings: sentence-transformers' `StaticEmbedding` module (static-retrieval-mrl-en-v1,
//! static-similarity-mrl-multilingual-v1) and Model2Vec's folders (potion-*, M2V_*).
//!
//! Sources: `static_embedding.py` of sentence-transformers, whose tensor is `embedding.weight`, and `model.py` of
//! Model2Vec 0.10, whose tensors are `embeddings`, `mapping` and `weights`. A Model2Vec folder can be read by both, but
//! only Model2Vec leaves unknown tokens out and cuts long texts; its own folders get its own vectors here.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::spec::{StaticSpec, TableSpec};
use crate::weights::Weights;

/// `model_type` of a Model2Vec folder's `config.json`.
pub(crate) const MODEL2VEC: &str = "model2vec";

/// `DEFAULT_MAX_LENGTH` of Model2Vec.
const MODEL2VEC_MAX_TOKENS: u64 = 512;

/// "No limit": no string of JavaScript has as many characters.
const NO_LIMIT: usize = 1 << 30;

/// The table that `weights` hold, used as `config` (null where there is none) says.
pub(super) fn describe(config: &Value, weights: &Weights) -> Result<StaticSpec> {
    let shape = |name: &str| weights.shape(name).ok().map(<[usize]>::to_vec);
    let table = |name: &str| match shape(name).as_deref() {
        Some([rows, columns]) if *rows > 0 && *columns > 0 => Ok((name.to_owned(), *rows, *columns)),
        Some(other) => Err(Error::invalid_model(format!("tensor {name} has shape {other:?}; a matrix is needed"))),
        None => Err(Error::invalid_model("the weights lack tensor embedding.weight or embeddings")),
    };
    if weights.contains("embedding.weight") {
        let (weight, rows, hidden_size) = table("embedding.weight")?;
        return Ok(StaticSpec {
            hidden_size,
            table: TableSpec { weight, rows },
            mapping: None,
            weights: None,
            drop_unknown: false,
            max_tokens: NO_LIMIT,
        });
    }
    let (weight, rows, hidden_size) = table("embeddings")?;
    let length = |name: &str| shape(name).map(|shape| shape.iter().product());
    let max_tokens = match config.get("max_length") {
        None => MODEL2VEC_MAX_TOKENS as usize,
        Some(Value::Null) => NO_LIMIT,
        Some(length) => match length.as_u64() {
            Some(length) if length > 0 => (length as usize).min(NO_LIMIT),
            _ => return Err(Error::invalid_model(format!("config.json says max_length {length}"))),
        },
    };
    Ok(StaticSpec {
        hidden_size,
        table: TableSpec { weight, rows },
        mapping: length("mapping").map(|length| ("mapping".to_owned(), length)),
        weights: length("weights").map(|_| "weights".to_owned()),
        drop_unknown: true,
        max_tokens,
    })
}
