//! From a text to token ids, at the model's own limit.
//!
//! `tokenizer.json` may carry truncation and padding of its own (all-MiniLM-L6-v2's says 128 tokens where the model
//! takes 256): both are switched off, and texts are cut here.

mod charsmap;
mod model2vec;
mod pieces;
mod tokens;
mod untrusted;
mod wordpiece;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use model2vec::Model2Vec;
use pieces::{SafeCuts, shorten};
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::{Lowercase, Sequence};
use tokenizers::tokenizer::Tokenizer;
use tokenizers::{NormalizerWrapper, PostProcessorWrapper, TruncationDirection, TruncationParams};
pub use tokens::Tokens;
use wordpiece::WordPieces;

use crate::error::{Error, ErrorCode, Result, TextContext, panic_message};
use crate::folder::{ModelFolder, TokenizerConfig};
use crate::options::Truncate;
use crate::spec::ModelSpec;

/// First piece of a long text: this many bytes for each token that the model takes. English has 4 to 5 bytes a token.
const BYTES_PER_TOKEN: usize = 8;

/// Later pieces; a piece of this size takes about 10 ms and 6 MB.
const PIECE_BYTES: usize = 64 << 10;

/// WordPiece takes quadratic time in the length of a word; real tokenizers stop at 100 characters.
const MAX_WORD_CHARS: usize = 1000;

/// A tokenizer and the limit of its model.
pub(crate) struct TextTokenizer {
    tokenizer: Tokenizer,
    max_tokens: usize,
    /// Token embeddings of the model.
    vocabulary: usize,
    /// Special tokens before and after every text.
    prefix: Vec<u32>,
    suffix: Vec<u32>,
    /// Where a long text may be cut; `None` where it has to be tokenized as a whole.
    cuts: Option<SafeCuts>,
    /// The fast way, where the tokenizer is BERT's.
    words: Option<WordPieces>,
    /// Where texts are treated as Model2Vec treats them.
    model2vec: Option<Model2Vec>,
}

impl TextTokenizer {
    /// Reads the `tokenizer.json` of `folder`, whose network is `spec`.
    pub fn from_json(json: &[u8], folder: &ModelFolder, spec: &ModelSpec) -> Result<Self> {
        // What is known to panic in the crate is refused before; a file that panics otherwise is the file's fault as well.
        catch_unwind(AssertUnwindSafe(|| Self::read(json, folder, spec))).unwrap_or_else(|panic| {
            Err(Error::invalid_model(format!("tokenizer.json can't be used ({})", panic_message(&*panic))))
        })
    }

    fn read(json: &[u8], folder: &ModelFolder, spec: &ModelSpec) -> Result<Self> {
        untrusted::check(json)?;
        let mut max_tokens = folder.max_tokens(spec);
        let vocabulary = spec.vocabulary();
        let invalid = |reason: &dyn std::fmt::Display| Error::invalid_model(format!("tokenizer.json {reason}"));
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(|error| invalid(&format!("can't be read: {error}")))?;
        follow(&mut tokenizer, &folder.tokenizer).map_err(|error| invalid(&error))?;
        if folder.transformer.do_lower_case {
            add_lower_case(&mut tokenizer).map_err(|error| invalid(&error))?;
        }
        check_model(&tokenizer)?;
        let model2vec = match spec {
            ModelSpec::Static(table) if table.drop_unknown => Some(Model2Vec::of(&tokenizer, json, max_tokens)?),
            // sentence-transformers' module leaves the tokenizer's own truncation on.
            ModelSpec::Static(_) => {
                max_tokens = max_tokens.min(own_limit(&tokenizer)?);
                None
            }
            ModelSpec::Encoder(_) => None,
        };
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| invalid(&error))?;
        // Looking through the whole vocabulary for its largest id would take as long as reading the file; ids with gaps
        // between them are checked in each text.
        let tokens = tokenizer.get_vocab_size(true);
        if tokens > vocabulary {
            return Err(invalid(&format!("has {tokens} tokens, but the weights have {vocabulary} token embeddings")));
        }
        let (prefix, suffix) = match spec {
            ModelSpec::Encoder(_) => take_special_tokens(&mut tokenizer).map_err(|error| invalid(&error))??,
            ModelSpec::Static(_) => {
                tokenizer.with_post_processor(None::<PostProcessorWrapper>);
                Default::default()
            }
        };
        if let Some(id) = prefix.iter().chain(&suffix).find(|id| **id as usize >= vocabulary) {
            return Err(invalid(&format!(
                "puts a special token with id {id} around every text, but the weights have {vocabulary} token embeddings"
            )));
        }
        if max_tokens <= prefix.len() + suffix.len() {
            return Err(invalid(&format!(
                "adds {} special tokens to every text, but the model takes {max_tokens}",
                prefix.len() + suffix.len()
            )));
        }
        let cuts = SafeCuts::of(&tokenizer);
        let words = WordPieces::of(&tokenizer);
        Ok(Self { tokenizer, max_tokens, vocabulary, prefix, suffix, cuts, words, model2vec })
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
        let cut = self.model2vec.as_ref().map_or(&*whole, |model2vec| model2vec.cut(&whole));
        let room = self.room();
        let failed = |error: tokenizers::Error| Error {
            code: ErrorCode::InvalidInput,
            message: format!("text {index} can't be tokenized: {error}"),
            text: Some(TextContext { index, tokens: None, limit: None }),
        };
        ids.extend_from_slice(&self.prefix);
        let start = ids.len();
        let truncated = match truncate {
            Truncate::End => self.encode_start(cut, room, ids).map(|truncated| truncated || cut.len() < whole.len()),
            Truncate::Start => self.encode_end(&whole, room, ids),
            Truncate::Error => match self.encode_whole(&whole, room, ids) {
                Ok(length) if length > room || cut.len() < whole.len() => return Err(self.too_long(index, length)),
                other => other.map(|_| false),
            },
        };
        let truncated = truncated.map_err(failed)?;
        if let Some(unknown) = self.model2vec.as_ref().and_then(|model2vec| model2vec.unknown) {
            let mut at = 0;
            ids.retain(|id| {
                at += 1;
                at <= start || *id != unknown
            });
        }
        if let Some(id) = ids[start..].iter().find(|id| **id as usize >= self.vocabulary) {
            return Err(Error::invalid_model(format!(
                "tokenizer.json gives text {index} a token with id {id}, but the weights have {} token embeddings",
                self.vocabulary
            )));
        }
        ids.extend_from_slice(&self.suffix);
        Ok(truncated)
    }

    /// Tokens at the start of every text that belong to `prompt`, the leading special ones included.
    pub fn prompt_tokens(&self, prompt: &str) -> Result<usize> {
        let mut ids = Vec::new();
        if !prompt.is_empty() {
            self.encode(0, "", prompt, Truncate::End, &mut ids)?;
        }
        Ok(ids.len().saturating_sub(self.suffix.len()))
    }

    /// Most tokens of a text without special ones.
    fn room(&self) -> usize {
        self.max_tokens - self.prefix.len() - self.suffix.len()
    }

    /// Appends the first `room` tokens of `text`; whether there are more.
    fn encode_start(&self, text: &str, room: usize, ids: &mut Vec<u32>) -> tokenizers::Result<bool> {
        let full = ids.len() + room;
        for piece in self.pieces(text) {
            self.encode_piece(piece, ids)?;
            if ids.len() > full {
                ids.truncate(full);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Appends the last `room` tokens of `text`; whether there are more.
    fn encode_end(&self, text: &str, room: usize, ids: &mut Vec<u32>) -> tokenizers::Result<bool> {
        let mut pieces = Vec::new();
        let (mut tokens, mut rest, mut size) = (0, text, self.first_piece());
        while tokens <= room && !rest.is_empty() {
            let start = self.cuts.as_ref().map_or(0, |cuts| cuts.last(rest, size));
            let mut piece = Vec::new();
            self.encode_piece(&rest[start..], &mut piece)?;
            tokens += piece.len();
            pieces.push(piece);
            (rest, size) = (&rest[..start], PIECE_BYTES);
        }
        let end = ids.len();
        pieces.iter().rev().for_each(|piece| ids.extend_from_slice(piece));
        ids.drain(end..end + tokens.saturating_sub(room));
        Ok(tokens > room)
    }

    /// Counts the tokens of `text` and appends them if they are at most `room`.
    fn encode_whole(&self, text: &str, room: usize, ids: &mut Vec<u32>) -> tokenizers::Result<usize> {
        let start = ids.len();
        let mut tokens = 0;
        for piece in self.pieces(text) {
            let before = ids.len();
            self.encode_piece(piece, ids)?;
            tokens += ids.len() - before;
            if tokens > room {
                ids.truncate(before);
            }
        }
        debug_assert!(tokens > room || ids.len() == start + tokens);
        Ok(tokens)
    }

    /// Appends the ids of a piece.
    fn encode_piece(&self, piece: &str, ids: &mut Vec<u32>) -> tokenizers::Result<()> {
        let piece = if self.cuts.is_some() { shorten(piece) } else { piece };
        let done = self.words.as_ref().and_then(|words| words.encode(piece, ids));
        if done.is_none() {
            ids.extend_from_slice(self.tokenizer.encode_fast(piece, false)?.get_ids());
        }
        Ok(())
    }

    /// Bytes of the first piece of a long text.
    fn first_piece(&self) -> usize {
        self.room().saturating_mul(BYTES_PER_TOKEN).min(PIECE_BYTES)
    }

    /// `text` in pieces that can be tokenized one by one.
    fn pieces<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let (mut rest, mut size) = (text, self.first_piece());
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let end = self.cuts.as_ref().map_or(rest.len(), |cuts| cuts.first(rest, size));
            let (piece, others) = rest.split_at(end);
            (rest, size) = (others, PIECE_BYTES);
            Some(piece)
        })
    }

    fn too_long(&self, index: usize, content: usize) -> Error {
        let tokens = content + self.prefix.len() + self.suffix.len();
        Error {
            code: ErrorCode::InputTooLong,
            message: match &self.model2vec {
                Some(model2vec) if tokens <= self.max_tokens => format!(
                    "text {index} has more than the {} characters that the model takes; shorten or split it, or allow \
                     truncation",
                    model2vec.max_characters
                ),
                _ => format!(
                    "text {index} has {tokens} tokens and the model takes {}; shorten or split it, or allow truncation",
                    self.max_tokens
                ),
            },
            text: Some(TextContext { index, tokens: Some(tokens), limit: Some(self.max_tokens) }),
        }
    }
}

/// The truncation that `tokenizer.json` carries, as a limit in tokens.
fn own_limit(tokenizer: &Tokenizer) -> Result<usize> {
    match tokenizer.get_truncation() {
        None => Ok(usize::MAX),
        Some(TruncationParams { direction: TruncationDirection::Right, max_length, .. }) => Ok(*max_length),
        Some(_) => Err(Error::unsupported("tokenizer.json cuts texts on the left")),
    }
}

/// Takes the post-processor off and gives back what it puts before and after every text.
fn take_special_tokens(tokenizer: &mut Tokenizer) -> tokenizers::Result<Result<(Vec<u32>, Vec<u32>)>> {
    // Of different length, so that a template which repeats or drops its text does not pass.
    const PROBES: [&str; 2] = ["a", "a b c"];
    let wholes = PROBES.map(|text| tokenizer.encode_fast(text, true));
    tokenizer.with_post_processor(None::<PostProcessorWrapper>);
    let mut found: Option<(Vec<u32>, Vec<u32>)> = None;
    for (text, whole) in PROBES.into_iter().zip(wholes) {
        let (content, whole) = (tokenizer.encode_fast(text, false)?, whole?);
        let (content, ids, special) = (content.get_ids(), whole.get_ids(), whole.get_special_tokens_mask());
        let before = special.iter().take_while(|special| **special == 1).count();
        let around = ids[before..].strip_prefix(content).map(|after| (ids[..before].to_vec(), after.to_vec()));
        let all_special =
            special[ids.len() - around.as_ref().map_or(0, |around| around.1.len())..].iter().all(|s| *s == 1);
        if around.is_none() || !all_special || found.as_ref().is_some_and(|found| Some(found) != around.as_ref()) {
            let message = "tokenizer.json does not put special tokens around a text that is left whole";
            return Ok(Err(Error::unsupported(message)));
        }
        if whole.get_type_ids().iter().any(|segment| *segment != 0) {
            return Ok(Err(Error::unsupported("tokenizer.json puts a single text into a segment other than 0")));
        }
        found = around;
    }
    let (prefix, suffix) = found.unwrap_or_default();
    if prefix.is_empty() && suffix.is_empty() {
        // An empty text would have no token, hence no vector.
        return Ok(Err(Error::unsupported("tokenizer.json adds no special tokens")));
    }
    Ok(Ok((prefix, suffix)))
}

/// Refuses a model that takes too long, or gives a text other tokens each time.
fn check_model(tokenizer: &Tokenizer) -> Result<()> {
    match tokenizer.get_model() {
        ModelWrapper::WordPiece(model) if model.max_input_chars_per_word > MAX_WORD_CHARS => {
            Err(Error::unsupported(format!(
                "tokenizer.json says max_input_chars_per_word {}; at most {MAX_WORD_CHARS} are supported",
                model.max_input_chars_per_word
            )))
        }
        ModelWrapper::BPE(BPE { dropout: Some(dropout), .. }) if *dropout != 0.0 => Err(Error::unsupported(format!(
            "tokenizer.json says dropout {dropout}, which gives a text other vectors each time; set it to null"
        ))),
        _ => Ok(()),
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
