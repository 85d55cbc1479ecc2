//! What Model2Vec does to texts besides tokenizing them (`model.py` of version 0.10).

use serde::Deserialize;
use tokenizers::models::ModelWrapper;
use tokenizers::tokenizer::Tokenizer;

use crate::error::{Error, Result};

/// Unknown tokens are left out, and long texts are cut before they are tokenized.
#[derive(Debug)]
pub(super) struct Model2Vec {
    pub unknown: Option<u32>,
    /// Characters of a text: its tokens, times the median length of the vocabulary's.
    pub max_characters: usize,
}

impl Model2Vec {
    /// For `tokenizer`, read from `json`, and texts of `max_tokens` tokens.
    pub fn of(tokenizer: &Tokenizer, json: &[u8], max_tokens: usize) -> Result<Self> {
        let mut lengths: Vec<usize> = tokenizer.get_vocab(true).keys().map(|token| token.chars().count()).collect();
        lengths.sort_unstable();
        let middle = |at: usize| lengths.get(at).copied().unwrap_or_default();
        // The median of an even number of lengths is the mean of two, rounded down.
        let median = (middle(lengths.len().saturating_sub(1) / 2) + middle(lengths.len() / 2)) / 2;
        Ok(Self { unknown: unknown(tokenizer, json)?, max_characters: max_tokens.saturating_mul(median) })
    }

    /// The part of `text` that is looked at.
    pub fn cut<'a>(&self, text: &'a str) -> &'a str {
        // Never fewer bytes than characters.
        if text.len() <= self.max_characters {
            return text;
        }
        text.char_indices().nth(self.max_characters).map_or(text, |(at, _)| &text[..at])
    }
}

fn unknown(tokenizer: &Tokenizer, json: &[u8]) -> Result<Option<u32>> {
    #[derive(Deserialize)]
    struct File {
        model: Unigram,
    }
    #[derive(Deserialize)]
    struct Unigram {
        unk_id: Option<u32>,
    }
    let token = match tokenizer.get_model() {
        ModelWrapper::BPE(model) => model.unk_token.clone(),
        ModelWrapper::WordPiece(model) => Some(model.unk_token.clone()),
        ModelWrapper::WordLevel(model) => Some(model.unk_token.clone()),
        ModelWrapper::Unigram(_) => {
            let file: File = serde_json::from_slice(json)
                .map_err(|error| Error::invalid_model(format!("tokenizer.json can't be read: {error}")))?;
            return Ok(file.model.unk_id);
        }
    };
    Ok(token.and_then(|token| tokenizer.token_to_id(&token)))
}
