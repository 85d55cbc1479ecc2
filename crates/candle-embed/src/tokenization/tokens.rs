//! The tokens of a whole text and where they stand in it; and the text of tokens.

use std::collections::HashSet;

use tokenizers::models::ModelWrapper;
use tokenizers::tokenizer::Tokenizer;

use super::TextTokenizer;
use super::pieces::shorten;
use crate::error::{Error, ErrorCode, Result, TextContext};

/// Tokens of texts, one after another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Ids of all texts.
    pub ids: Vec<u32>,
    /// Start and end of each id in its text, in UTF-16 code units; a special token is empty.
    pub offsets: Vec<u32>,
    /// Ids of each text.
    pub lengths: Vec<u32>,
}

impl TextTokenizer {
    /// Appends all tokens of `text`, which is not cut, to `tokens`; `special` adds those around every text.
    pub fn tokenize(&self, index: usize, text: &str, special: bool, tokens: &mut Tokens) -> Result<()> {
        let before = tokens.ids.len();
        let mut positions = Utf16Positions::of(text);
        if special {
            push_special(tokens, &self.prefix, 0);
        }
        let unknown = self.model2vec.as_ref().and_then(|model2vec| model2vec.unknown);
        let mut base = 0;
        for piece in self.pieces(text) {
            let read = if self.cuts.is_some() { shorten(piece) } else { piece };
            let encoding = self.tokenizer.encode(read, false).map_err(|error| Error {
                code: ErrorCode::InvalidInput,
                message: format!("text {index} can't be tokenized: {error}"),
                text: Some(TextContext { index, tokens: None, limit: None }),
            })?;
            for (id, (start, end)) in encoding.get_ids().iter().zip(encoding.get_offsets()) {
                if Some(*id) == unknown {
                    continue;
                }
                // The rest of a shortened piece belongs to its one token.
                let end = if *end == read.len() { piece.len() } else { *end };
                tokens.ids.push(*id);
                tokens.offsets.extend([positions.at(base + start), positions.at(base + end)]);
            }
            base += piece.len();
        }
        if special {
            push_special(tokens, &self.suffix, positions.at(text.len()));
        }
        tokens.lengths.push((tokens.ids.len() - before) as u32);
        Ok(())
    }

    /// The text that `ids` spell, without the special tokens around it. The ids of a whole text are those of what they
    /// spell too, but for characters that a tokenizer without bytes does not know.
    pub fn detokenize(&self, index: usize, ids: &[u32]) -> Result<String> {
        let unknown_id = |id: u32| Error {
            code: ErrorCode::InvalidInput,
            message: format!("token id {id} of text {index} is not one of the model's {}", self.vocabulary),
            text: Some(TextContext { index, tokens: None, limit: None }),
        };
        let padding = ["[PAD]", "<pad>"].map(|token| self.tokenizer.token_to_id(token));
        let padded = ids.iter().rev().take_while(|id| padding.contains(&Some(**id))).count();
        let ids = &ids[..ids.len() - padded];
        let around = ids.strip_prefix(&self.prefix[..]).and_then(|rest| rest.strip_suffix(&self.suffix[..]));
        let ids = around.unwrap_or(ids);
        let names = ids.iter().map(|id| self.tokenizer.id_to_token(*id).ok_or_else(|| unknown_id(*id)));
        let names = names.collect::<Result<Vec<_>>>()?;
        match self.tokenizer.get_model() {
            ModelWrapper::WordPiece(model) => {
                Ok(join_word_pieces(&names, &model.continuing_subword_prefix, &added_tokens(&self.tokenizer)))
            }
            _ => self.tokenizer.decode(ids, false).map_err(|error| Error {
                code: ErrorCode::InvalidInput,
                message: format!("token ids of text {index} can't be read: {error}"),
                text: Some(TextContext { index, tokens: None, limit: None }),
            }),
        }
    }
}

fn push_special(tokens: &mut Tokens, ids: &[u32], at: u32) {
    tokens.ids.extend_from_slice(ids);
    tokens.offsets.extend(ids.iter().flat_map(|_| [at, at]));
}

fn added_tokens(tokenizer: &Tokenizer) -> HashSet<String> {
    tokenizer.get_added_tokens_decoder().into_values().map(|token| token.content).collect()
}

/// Not the tokenizer's own decoder: its "cleanup" joins `do not` to `don't`, which has other tokens.
fn join_word_pieces(names: &[String], continuing: &str, added: &HashSet<String>) -> String {
    let mut text = String::new();
    for name in names {
        match name.strip_prefix(continuing).filter(|rest| !rest.is_empty() && !added.contains(name)) {
            Some(rest) => text.push_str(rest),
            None => {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(name);
            }
        }
    }
    text
}

/// Byte positions of a text as UTF-16 ones. Tokens come in order, so that the walk from one to the next is short.
struct Utf16Positions<'a> {
    text: &'a str,
    ascii: bool,
    byte: usize,
    units: usize,
}

impl<'a> Utf16Positions<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, ascii: text.is_ascii(), byte: 0, units: 0 }
    }

    /// Of the character that `byte` is in, its start.
    fn at(&mut self, byte: usize) -> u32 {
        let units = if self.ascii { byte } else { self.walk(byte) };
        u32::try_from(units).unwrap_or(u32::MAX)
    }

    fn walk(&mut self, byte: usize) -> usize {
        let units = |text: &str| text.chars().map(char::len_utf16).sum::<usize>();
        let byte = (0..=byte.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
        if byte >= self.byte {
            self.units += units(&self.text[self.byte..byte]);
        } else {
            self.units -= units(&self.text[byte..self.byte]);
        }
        self.byte = byte;
        self.units
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_utf16_units_both_ways() {
        let text = "aé🙂中b";
        let mut positions = Utf16Positions::of(text);
        for (byte, units) in [(0, 0), (1, 1), (3, 2), (7, 4), (10, 5), (11, 6), (3, 2), (5, 2), (99, 6), (0, 0)] {
            assert_eq!(positions.at(byte), units, "byte {byte}");
        }
    }

    #[test]
    fn word_pieces_join_without_clean_up() {
        let names = ["do", "not", "run", "##ning", "[UNK]", "##", "'", "s"].map(str::to_owned);
        assert_eq!(join_word_pieces(&names, "##", &HashSet::new()), "do not running [UNK] ## ' s");
        assert_eq!(join_word_pieces(&["##ing".to_owned()], "##", &HashSet::new()), "ing");
    }
}
