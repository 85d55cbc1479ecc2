//! Cuts a long text into pieces whose tokens are those of the whole text.
//!
//! A model takes a few hundred tokens, a text may have millions of characters, and a tokenizer needs about a hundred
//! bytes of memory for each. So a long text is tokenized piece by piece until there are enough tokens.

use std::collections::HashSet;

use tokenizers::models::ModelWrapper;
use tokenizers::tokenizer::Tokenizer;
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper};

/// No word of a real vocabulary is longer; BERT makes anything beyond 100 characters one unknown token.
const LONGEST_RUN: usize = 4096;

/// Where BERT's tokenizer starts a new word whatever stands before and after.
#[derive(Debug)]
pub(super) struct SafeCuts {
    /// Characters of added tokens: "[SEP]" in a text is one token and may not be cut.
    reserved: HashSet<char>,
    chinese: bool,
}

impl SafeCuts {
    /// For a tokenizer with BERT's normalizer and pre-tokenizer, which look at single characters, and without added
    /// tokens that look at their neighbours; white space that one takes in (MPNet's `<mask>`) would be no token anyway.
    /// Others, and models for which an endless word is more than an unknown token, take a text only as a whole.
    pub fn of(tokenizer: &Tokenizer) -> Option<Self> {
        if !matches!(tokenizer.get_model(), ModelWrapper::WordPiece(_)) {
            return None;
        }
        let Some(NormalizerWrapper::BertNormalizer(normalizer)) = tokenizer.get_normalizer() else { return None };
        if !matches!(tokenizer.get_pre_tokenizer(), Some(PreTokenizerWrapper::BertPreTokenizer(_))) {
            return None;
        }
        let added = tokenizer.get_added_tokens_decoder();
        if added.values().any(|token| token.single_word) {
            return None;
        }
        let reserved = added.values().flat_map(|token| token.content.chars()).collect();
        Some(Self { reserved, chinese: normalizer.handle_chinese_chars })
    }

    /// Whether a word ends before `character`: at white space, punctuation and, where the normalizer takes them apart,
    /// Chinese characters.
    fn before(&self, character: char) -> bool {
        let chinese = matches!(character, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}');
        (character.is_ascii_whitespace() || character.is_ascii_punctuation() || self.chinese && chinese)
            && !self.reserved.contains(&character)
    }

    /// The end of the first piece of `text`: about `size` bytes from its beginning.
    pub fn first(&self, text: &str, size: usize) -> usize {
        if text.len() <= size {
            return text.len();
        }
        let limit = boundary(text, size);
        let inside = text[..limit].char_indices().rev().find(|(at, character)| *at > 0 && self.before(*character));
        let beyond = || text[limit..].char_indices().find(|(at, character)| limit + at > 0 && self.before(*character));
        inside.map(|(at, _)| at).or_else(|| beyond().map(|(at, _)| limit + at)).unwrap_or(text.len())
    }

    /// The start of the last piece of `text`: about `size` bytes before its end.
    pub fn last(&self, text: &str, size: usize) -> usize {
        if text.len() <= size {
            return 0;
        }
        let limit = boundary(text, text.len() - size);
        let inside = text[limit..].char_indices().find(|(_, character)| self.before(*character));
        let beyond = || text[..limit].char_indices().rev().find(|(_, character)| self.before(*character));
        inside.map(|(at, _)| limit + at).or_else(|| beyond().map(|(at, _)| at)).unwrap_or(0)
    }
}

/// The nearest character boundary at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A piece, or its beginning where it is one endless word of letters and digits: an unknown token of WordPiece either way.
pub(super) fn shorten(piece: &str) -> &str {
    let word = piece.trim_start_matches(|character: char| !character.is_ascii_alphanumeric());
    if word.len() > LONGEST_RUN && word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        &piece[..piece.len() - word.len() + LONGEST_RUN]
    } else {
        piece
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    fn tokenizer(name: &str) -> Tokenizer {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/fixtures");
        let mut tokenizer = Tokenizer::from_file(fixtures.join(name).join("tokenizer.json")).unwrap();
        tokenizer.with_padding(None).with_truncation(None).unwrap();
        tokenizer
    }

    fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
        tokenizer.encode_fast(text, false).unwrap().get_ids().to_vec()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn pieces_have_the_tokens_of_the_whole(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "the", "river", "bread", " ", "  ", "\n", "\t", ".", ",", "-", "_", "'", "中", "文字", "日本", "ñ", "e\u{301}",
                    "\u{301}", "\u{327}\u{301}", "[SEP]", "[CLS", "]", "[", "\u{200b}", "\u{a0}", "\u{3000}", "ж", "Σ", "ﬁ", "🙂",
                    "\u{0}", "が", "한국", "ไทย", "1", "A", "x", "<mask>", "<", "mask>", "</s>",
                ]),
                0..60,
            ),
            size in 1usize..40,
            name in prop::sample::select(vec!["tiny-bert-mean", "tiny-bert-cased", "tiny-mpnet"]),
        ) {
            let tokenizer = tokenizer(name);
            let cuts = SafeCuts::of(&tokenizer).unwrap();
            let text = parts.concat();
            let whole = ids(&tokenizer, &text);
            let (mut forward, mut rest) = (Vec::new(), text.as_str());
            while !rest.is_empty() {
                let (piece, others) = rest.split_at(cuts.first(rest, size));
                prop_assert!(!piece.is_empty());
                forward.extend(ids(&tokenizer, shorten(piece)));
                rest = others;
            }
            prop_assert_eq!(&forward, &whole);
            let (mut backward, mut rest) = (Vec::new(), text.as_str());
            while !rest.is_empty() {
                let (others, piece) = rest.split_at(cuts.last(rest, size));
                prop_assert!(!piece.is_empty());
                backward.splice(0..0, ids(&tokenizer, shorten(piece)));
                rest = others;
            }
            prop_assert_eq!(&backward, &whole);
        }
    }

    #[test]
    fn an_endless_word_is_one_unknown_token() {
        let tokenizer = tokenizer("tiny-bert-mean");
        for text in ["a".repeat(5_000), format!(" {}", "x7".repeat(9_000))] {
            assert_eq!(ids(&tokenizer, shorten(&text)), ids(&tokenizer, &text));
            assert!(shorten(&text).len() <= LONGEST_RUN + 1);
        }
        assert_eq!(shorten("short words stay"), "short words stay");
    }
}
