//! From a text to token ids, at the model's own limit.
//!
//! `tokenizer.json` may carry truncation and padding of its own (all-MiniLM-L6-v2's says 128 tokens where the model
//! takes 256): both are switched off, and texts are cut here.

use std::borrow::Cow;

use tokenizers::normalizers::{Lowercase, Sequence};
use tokenizers::tokenizer::{Tokenizer, TruncationDirection};
use tokenizers::{NormalizerWrapper, PostProcessor, PreTokenizerWrapper};

use crate::error::{Error, ErrorCode, Result, TextContext};
use crate::folder::{ModelFolder, TokenizerConfig};
use crate::options::Truncate;
use crate::spec::EncoderSpec;

/// A long text is tokenized from its beginning (or end) in pieces: this many bytes for each token that the model
/// takes, then doubled until there are enough tokens. English has 4 to 5 bytes a token.
const BYTES_PER_TOKEN: usize = 8;

/// A tokenizer and the limit of its model.
pub(crate) struct TextTokenizer {
    tokenizer: Tokenizer,
    max_tokens: usize,
    /// Token embeddings of the model.
    vocabulary: usize,
    /// Special tokens around every text.
    special_tokens: usize,
    /// Whether the tokens of a text up to a space do not depend on what follows.
    splits_at_spaces: bool,
}

impl TextTokenizer {
    /// Reads the `tokenizer.json` of `folder`, whose encoder is `spec`.
    ///
    /// The limit is the transformer module's, else the tokenizer's, and never more than there are positions.
    pub fn from_json(json: &[u8], folder: &ModelFolder, spec: &EncoderSpec) -> Result<Self> {
        let max_tokens = folder.transformer.max_seq_length.or(folder.tokenizer.max_length()).unwrap_or(usize::MAX);
        let max_tokens = max_tokens.min(spec.max_positions());
        let vocabulary = spec.embeddings.word.rows;
        let invalid = |reason: &dyn std::fmt::Display| Error::invalid_model(format!("tokenizer.json {reason}"));
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(|error| invalid(&format!("can't be read: {error}")))?;
        follow(&mut tokenizer, &folder.tokenizer).map_err(|error| invalid(&error))?;
        if folder.transformer.do_lower_case {
            add_lower_case(&mut tokenizer).map_err(|error| invalid(&error))?;
        }
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| invalid(&error))?;
        // Looking through the whole vocabulary for its largest id would take as long as reading the file; ids with gaps
        // between them are checked in each text.
        let tokens = tokenizer.get_vocab_size(true);
        if tokens > vocabulary {
            return Err(invalid(&format!("has {tokens} tokens, but the weights have {vocabulary} token embeddings")));
        }
        let special_tokens = tokenizer.get_post_processor().map_or(0, |processor| processor.added_tokens(false));
        if max_tokens <= special_tokens {
            return Err(invalid(&format!(
                "adds {special_tokens} special tokens to every text, but the model takes {max_tokens}"
            )));
        }
        let probe = tokenizer.encode_fast("a", true).map_err(|error| invalid(&error))?;
        if probe.get_type_ids().iter().any(|segment| *segment != 0) {
            return Err(Error::unsupported("tokenizer.json puts a single text into a segment other than 0"));
        }
        if special_tokens == 0 {
            // An empty text would have no token, hence no vector.
            return Err(Error::unsupported("tokenizer.json adds no special tokens"));
        }
        let splits_at_spaces = splits_at_spaces(&tokenizer);
        Ok(Self { tokenizer, max_tokens, vocabulary, special_tokens, splits_at_spaces })
    }

    /// Most tokens of a text, special tokens included.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Appends the ids of `prompt` and `text`, special tokens included, to `ids`; whether the text lost tokens.
    ///
    /// `index` is the text's position in the call, for errors.
    pub fn encode(
        &self,
        index: usize,
        prompt: &str,
        text: &str,
        truncate: Truncate,
        ids: &mut Vec<u32>,
    ) -> Result<bool> {
        let whole = if prompt.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(format!("{prompt}{text}")) };
        let room = self.max_tokens - self.special_tokens;
        let failed = |error: tokenizers::Error| Error {
            code: ErrorCode::InvalidInput,
            message: format!("text {index} can't be tokenized: {error}"),
            text: Some(TextContext { index, tokens: None, limit: None }),
        };
        let (mut encoding, cut) = self.content(&whole, room, truncate).map_err(failed)?;
        let length = encoding.len();
        let truncated = cut || length > room;
        if truncated {
            let direction = match truncate {
                Truncate::End => TruncationDirection::Right,
                Truncate::Start => TruncationDirection::Left,
                Truncate::Error => return Err(self.too_long(index, length)),
            };
            encoding.truncate(room, 0, direction);
        }
        let encoding = self.tokenizer.post_process(encoding, None, true).map_err(failed)?;
        let own = encoding.get_ids();
        if let Some(id) = own.iter().find(|id| **id as usize >= self.vocabulary) {
            return Err(Error::invalid_model(format!(
                "tokenizer.json gives text {index} a token with id {id}, but the weights have {} token embeddings",
                self.vocabulary
            )));
        }
        ids.extend_from_slice(own);
        Ok(truncated)
    }

    /// Tokens at the start of every text that belong to `prompt`, the leading special ones included.
    pub fn prompt_tokens(&self, prompt: &str) -> Result<usize> {
        if prompt.is_empty() {
            return Ok(0);
        }
        let encoding = self
            .tokenizer
            .encode_fast(prompt, true)
            .map_err(|error| Error::invalid_input(format!("the prompt can't be tokenized: {error}")))?;
        let trailing = encoding.get_special_tokens_mask().last().is_some_and(|special| *special == 1);
        Ok(encoding.len().min(self.max_tokens) - usize::from(trailing))
    }

    /// The tokens of `text` without special ones; of a long text only so many as the model takes, and whether that
    /// left some out.
    fn content(&self, text: &str, room: usize, truncate: Truncate) -> tokenizers::Result<(tokenizers::Encoding, bool)> {
        let mut bytes = room * BYTES_PER_TOKEN;
        while truncate != Truncate::Error && self.splits_at_spaces && bytes < text.len() {
            let piece = match truncate {
                Truncate::Start => text_end(text, bytes),
                _ => text_start(text, bytes),
            };
            if let Some(piece) = piece {
                let encoding = self.tokenizer.encode_fast(piece, false)?;
                if encoding.len() > room {
                    return Ok((encoding, true));
                }
            }
            bytes *= 2;
        }
        Ok((self.tokenizer.encode_fast(text, false)?, false))
    }

    fn too_long(&self, index: usize, content: usize) -> Error {
        let tokens = content + self.special_tokens;
        Error {
            code: ErrorCode::InputTooLong,
            message: format!(
                "text {index} has {tokens} tokens and the model takes {}; shorten or split it, or allow truncation",
                self.max_tokens
            ),
            text: Some(TextContext { index, tokens: Some(tokens), limit: Some(self.max_tokens) }),
        }
    }
}

/// What `tokenizer_config.json` says of BERT's normalizer goes before what `tokenizer.json` says.
fn follow(tokenizer: &mut Tokenizer, config: &TokenizerConfig) -> tokenizers::Result<()> {
    if let Some(NormalizerWrapper::BertNormalizer(bert)) = tokenizer.get_normalizer() {
        let mut bert = *bert;
        bert.lowercase = config.do_lower_case.unwrap_or(bert.lowercase);
        bert.strip_accents = config.strip_accents.or(bert.strip_accents);
        bert.handle_chinese_chars = config.tokenize_chinese_chars.unwrap_or(bert.handle_chinese_chars);
        tokenizer.with_normalizer(Some(bert))?;
    }
    Ok(())
}

/// Puts a lower-casing normalizer before the tokenizer's own, unless that lower-cases already.
fn add_lower_case(tokenizer: &mut Tokenizer) -> tokenizers::Result<()> {
    let mut normalizers = match tokenizer.get_normalizer().cloned() {
        Some(NormalizerWrapper::BertNormalizer(bert)) if bert.lowercase => return Ok(()),
        Some(NormalizerWrapper::Sequence(sequence)) => sequence.as_ref().to_vec(),
        other => other.into_iter().collect(),
    };
    if !normalizers.iter().any(|normalizer| matches!(normalizer, NormalizerWrapper::Lowercase(_))) {
        normalizers.insert(0, NormalizerWrapper::Lowercase(Lowercase));
        tokenizer.with_normalizer(Some(Sequence::new(normalizers)))?;
    }
    Ok(())
}

/// True for the BERT normalizer and pre-tokenizer, which look at single characters and split at every space, unless
/// an added token has a space in it.
fn splits_at_spaces(tokenizer: &Tokenizer) -> bool {
    matches!(tokenizer.get_normalizer(), Some(NormalizerWrapper::BertNormalizer(_)))
        && matches!(tokenizer.get_pre_tokenizer(), Some(PreTokenizerWrapper::BertPreTokenizer(_)))
        && tokenizer.get_added_tokens_decoder().values().all(|token| {
            !token.content.contains(char::is_whitespace) && !token.lstrip && !token.rstrip && !token.single_word
        })
}

/// The text up to the last space within its first `bytes` bytes.
fn text_start(text: &str, bytes: usize) -> Option<&str> {
    // A space is one byte in UTF-8 and never part of another character.
    text.as_bytes()[..bytes].iter().rposition(|byte| *byte == b' ').map(|space| &text[..space])
}

/// The text from the first space within its last `bytes` bytes.
fn text_end(text: &str, bytes: usize) -> Option<&str> {
    let start = text.len() - bytes;
    text.as_bytes()[start..].iter().position(|byte| *byte == b' ').map(|space| &text[start + space..])
}
