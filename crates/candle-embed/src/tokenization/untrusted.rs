//! What a `tokenizer.json` may say, checked before the `tokenizers` crate reads it.
//!
//! The crate trusts the file. Some of what it may say panics there, which ends a WebAssembly module, or takes so much memory
//! that the process ends.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokenizers::{DecoderWrapper, NormalizerWrapper, PreTokenizerWrapper};

use super::charsmap;
use crate::error::{Error, Result};

/// How many times longer normalizer and pre-tokenizer together may make a text, by the bounds of [`growth`]. XLM-R's and T5's
/// are at 11 x 4 x 3 = 132; the crate holds some 20 bytes for each byte of the result.
const MAX_GROWTH: f64 = 256.0;

/// The parts of the file that are looked at; the vocabulary is passed over.
#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    decoder: Value,
}

/// Refuses a `tokenizer.json` that the crate can't be given.
pub(super) fn check(json: &[u8]) -> Result<()> {
    let Parts { normalizer, pre_tokenizer, decoder } = serde_json::from_slice(json).map_err(|error| unread(&error))?;
    let by_charsmaps = charsmaps(&normalizer)?;
    let normalizer = canonical::<NormalizerWrapper>(normalizer)?;
    let pre_tokenizer = canonical::<PreTokenizerWrapper>(pre_tokenizer)?;
    let decoder = canonical::<DecoderWrapper>(decoder)?;
    let text_growth = by_charsmaps * growth(&normalizer) * growth(&pre_tokenizer);
    if text_growth > MAX_GROWTH || growth(&decoder) > MAX_GROWTH {
        return Err(Error::unsupported(format!(
            "tokenizer.json can make a text more than {MAX_GROWTH} times longer; take replacements out of its normalizer, \
             pre_tokenizer or decoder"
        )));
    }
    check_lengths(&pre_tokenizer)
}

fn unread(error: &serde_json::Error) -> Error {
    Error::invalid_model(format!("tokenizer.json can't be read: {error}"))
}

/// A part as the crate understands it: old files leave types out.
fn canonical<T: DeserializeOwned + Serialize>(part: Value) -> Result<Value> {
    let read: Option<T> = serde_json::from_value(part).map_err(|error| unread(&error))?;
    serde_json::to_value(read).map_err(|error| unread(&error))
}

/// How much longer the charsmaps in `part` can make a text; all of them are sound.
fn charsmaps(part: &Value) -> Result<f64> {
    const KEY: &str = "precompiled_charsmap";
    match part {
        Value::Array(parts) => parts.iter().try_fold(1.0, |all, part| Ok(all * charsmaps(part)?)),
        Value::Object(fields) => match fields.get(KEY) {
            Some(charsmap) => charsmap::growth(charsmap),
            None if fields.get("type").is_some_and(|kind| kind == "Precompiled") => {
                Err(Error::invalid_model(format!("tokenizer.json has a Precompiled normalizer without {KEY}")))
            }
            None => fields.values().try_fold(1.0, |all, field| Ok(all * charsmaps(field)?)),
        },
        _ => Ok(1.0),
    }
}

/// The steps of a sequence.
fn steps(part: &Value) -> Option<&Vec<Value>> {
    ["normalizers", "pretokenizers", "decoders"].iter().find_map(|name| part.get(name)?.as_array())
}

/// A bound on how many times longer a step makes a text, in bytes, charsmaps left out.
fn growth(step: &Value) -> f64 {
    if let Some(steps) = steps(step) {
        return steps.iter().map(growth).product();
    }
    let length = |name: &str| step[name].as_str().map_or(0, str::len) as f64;
    match step["type"].as_str().unwrap_or_default() {
        // The largest factors of Unicode's normal forms (its FAQ on normalization) and of lower-casing (U+0130).
        "NFC" | "NFD" => 3.0,
        "NFKC" | "NFKD" => 11.0,
        "Lowercase" => 1.5,
        // NFD, lower case, and a space on each side of a Chinese character.
        "BertNormalizer" => 3.0 * 1.5 * 5.0 / 3.0,
        "ByteLevel" => 2.0,
        "Metaspace" => length("replacement"),
        "Replace" => match step["pattern"]["String"].as_str() {
            Some(pattern) if !pattern.is_empty() => (length("content") / pattern.len() as f64).max(1.0),
            // May match between any two bytes.
            _ => length("content") + 1.0,
        },
        // They put a space in place of a text, and an empty text is everywhere.
        "BPEDecoder" if length("suffix") == 0.0 => 2.0,
        "CTC" if length("word_delimiter_token") == 0.0 => 2.0,
        _ => 1.0,
    }
}

/// Refuses pieces of no length.
fn check_lengths(pre_tokenizer: &Value) -> Result<()> {
    if let Some(steps) = steps(pre_tokenizer) {
        return steps.iter().try_for_each(check_lengths);
    }
    if pre_tokenizer["type"] == "FixedLength" && pre_tokenizer["length"] == 0 {
        return Err(Error::invalid_model("tokenizer.json has a FixedLength pre_tokenizer of length 0"));
    }
    Ok(())
}
