//! BERT's tokenizer without the `tokenizers` crate's allocations, of which it makes some ten a word: a pass over the
//! characters, and a hash table for the greedy matches. Ids are those of the crate to the last one; whatever might be treated
//! otherwise (combining marks, most scripts beyond Latin, Greek, Cyrillic and East Asian ones, added tokens in a
//! text, other configurations) is left to the crate.
//!
//! With its allocations the crate took 2.4 % of the time of int8 MiniLM on short texts; this takes 0.2 %.

use std::sync::OnceLock;

use tokenizers::models::ModelWrapper;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::tokenizer::{Model, Tokenizer};
use tokenizers::{
    NormalizedString, Normalizer, NormalizerWrapper, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
    PreTokenizerWrapper,
};

/// What continues a word has this before it; `#` is punctuation, so that no word begins with it and has more letters.
const CONTINUING: &str = "##";

/// Bytes of the longest vocabulary entry that is taken.
const LONGEST_ENTRY: usize = 128;

/// Values of [`WordPieces::ascii`]; others are the byte that a letter or digit becomes.
const DROPPED: u8 = 0;
const SPACE: u8 = 1;
const PUNCTUATION: u8 = 2;
/// Punctuation with which an added token begins.
const RESERVED: u8 = 3;

/// What a normalised character does to the word before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    Letter,
    Punctuation,
}

/// What a character is normalised to; `None` where the crate has to look at its neighbours, too.
type Entry = Option<Vec<(Class, char)>>;

/// A BERT tokenizer.
pub(super) struct WordPieces {
    normalizer: BertNormalizer,
    ascii: [u8; 128],
    /// The other characters of the first plane by their upper byte, filled in when a text has one.
    pages: Vec<OnceLock<Vec<Entry>>>,
    /// Contents of the added tokens.
    added: Vec<String>,
    vocabulary: Vocabulary,
    unknown: u32,
    longest_word: usize,
}

impl WordPieces {
    /// For a tokenizer with BERT's normalizer, pre-tokenizer and model, whose added tokens begin with punctuation and are
    /// looked for in the text as it is.
    pub fn of(tokenizer: &Tokenizer) -> Option<Self> {
        let ModelWrapper::WordPiece(model) = tokenizer.get_model() else { return None };
        let Some(NormalizerWrapper::BertNormalizer(normalizer)) = tokenizer.get_normalizer() else { return None };
        if !matches!(tokenizer.get_pre_tokenizer(), Some(PreTokenizerWrapper::BertPreTokenizer(_))) {
            return None;
        }
        let tokens = tokenizer.get_added_tokens_decoder();
        let plain = tokens.values().all(|token| !token.normalized && token.content.starts_with(is_ascii_punctuation));
        if !plain || model.continuing_subword_prefix != CONTINUING {
            return None;
        }
        let added: Vec<String> = tokens.into_values().map(|token| token.content).collect();
        let reserved = |byte: u8| added.iter().any(|content| content.as_bytes()[0] == byte);
        let mut ascii = [DROPPED; 128];
        for (byte, place) in (0u8..).zip(&mut ascii) {
            *place = match normalised(normalizer, char::from(byte))?[..] {
                [] => DROPPED,
                [(Class::Space, _)] => SPACE,
                [(Class::Punctuation, same)] if same == char::from(byte) && reserved(byte) => RESERVED,
                [(Class::Punctuation, same)] if same == char::from(byte) => PUNCTUATION,
                [(Class::Letter, letter)] if letter.is_ascii() && letter as u8 > RESERVED => letter as u8,
                _ => return None,
            };
        }
        Some(Self {
            normalizer: *normalizer,
            ascii,
            pages: (0..256).map(|_| OnceLock::new()).collect(),
            added,
            vocabulary: Vocabulary::of(model)?,
            unknown: model.token_to_id(&model.unk_token)?,
            longest_word: model.max_input_chars_per_word,
        })
    }

    /// Appends the ids of `text`; `None`, and nothing appended, where the crate has to do it.
    pub fn encode(&self, text: &str, ids: &mut Vec<u32>) -> Option<()> {
        let start = ids.len();
        let result = self.append(text, ids);
        if result.is_none() {
            ids.truncate(start);
        }
        result
    }

    fn append(&self, text: &str, ids: &mut Vec<u32>) -> Option<()> {
        let mut word = Vec::with_capacity(LONGEST_ENTRY);
        let mut rest = text;
        while let Some(&byte) = rest.as_bytes().first() {
            let Some(&kind) = self.ascii.get(usize::from(byte)) else {
                let character = rest.chars().next()?;
                for (class, character) in self.entry(character)? {
                    self.take(*class, *character, &mut word, ids);
                }
                rest = &rest[character.len_utf8()..];
                continue;
            };
            match kind {
                DROPPED => {}
                SPACE => self.end(&mut word, ids),
                RESERVED if self.added.iter().any(|content| rest.starts_with(content)) => return None,
                RESERVED | PUNCTUATION => self.take(Class::Punctuation, char::from(byte), &mut word, ids),
                letter => word.push(letter),
            }
            rest = &rest[1..];
        }
        self.end(&mut word, ids);
        Some(())
    }

    fn entry(&self, character: char) -> Option<&[(Class, char)]> {
        let page = self.pages.get(character as usize >> 8)?;
        let entries = page.get_or_init(|| {
            let first = character as u32 & !255;
            let characters = (first..first + 256).map(char::from_u32);
            characters.map(|each| normalised(&self.normalizer, each.filter(|each| stands_alone(*each))?)).collect()
        });
        entries[character as usize & 255].as_deref()
    }

    fn take(&self, class: Class, character: char, word: &mut Vec<u8>, ids: &mut Vec<u32>) {
        if class != Class::Letter {
            self.end(word, ids);
        }
        if class != Class::Space {
            word.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        if class == Class::Punctuation {
            self.end(word, ids);
        }
    }

    /// Appends the longest vocabulary entries that make up `word`, or the unknown token where none do, and empties it.
    fn end(&self, word: &mut Vec<u8>, ids: &mut Vec<u32>) {
        let first = ids.len();
        let mut start = 0;
        let characters = || word.iter().filter(|byte| is_boundary(**byte)).count();
        let too_long = word.len() > self.longest_word && characters() > self.longest_word;
        while start < word.len() {
            let entry = if too_long { None } else { self.vocabulary.longest(&word[start..], start > 0) };
            let Some((id, length)) = entry else {
                ids.truncate(first);
                ids.push(self.unknown);
                break;
            };
            ids.push(id);
            start += length;
        }
        word.clear();
    }
}

fn is_ascii_punctuation(character: char) -> bool {
    character.is_ascii_punctuation()
}

/// Whether a UTF-8 character begins with this byte.
fn is_boundary(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

/// Characters of blocks (or parts of them) without combining marks that could change places with others: each is
/// normalised by itself.
fn stands_alone(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{2ff}'
        | '\u{370}'..='\u{482}'
        | '\u{48a}'..='\u{58f}'
        | '\u{1e00}'..='\u{1fff}'
        | '\u{2000}'..='\u{20bf}'
        | '\u{2100}'..='\u{2bff}'
        | '\u{3000}'..='\u{3029}'
        | '\u{3030}'..='\u{3098}'
        | '\u{309b}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{ff00}'..='\u{ffef}'
    )
}

/// What the crate makes of a character that stands alone.
fn normalised(normalizer: &BertNormalizer, character: char) -> Entry {
    let mut text = NormalizedString::from(character.to_string());
    normalizer.normalize(&mut text).ok()?;
    text.get().chars().map(|each| Some((class(each)?, each))).collect()
}

/// What the crate makes of a character behind a letter.
fn class(character: char) -> Option<Class> {
    let mut text = PreTokenizedString::from(format!("a{character}"));
    BertPreTokenizer.pre_tokenize(&mut text).ok()?;
    let words: Vec<&str> =
        text.get_splits(OffsetReferential::Original, OffsetType::None).iter().map(|split| split.0).collect();
    match words[..] {
        ["a"] => Some(Class::Space),
        ["a", _] => Some(Class::Punctuation),
        [_] => Some(Class::Letter),
        _ => None,
    }
}

/// Entries that begin a word and entries that continue one, in a hash table with linear probing.
struct Vocabulary {
    slots: Vec<Slot>,
    /// The bits of a hash that are not the place of its slot.
    shift: u32,
    /// All entries, one after the other, without [`CONTINUING`].
    bytes: Vec<u8>,
    /// Bytes of the longest entry.
    longest: usize,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    id: u32,
    start: u32,
    /// 0 in an empty slot.
    length: u16,
    continuing: bool,
}

impl Vocabulary {
    /// `None` for an entry that is too long, and for ids that are not 0, 1, 2, ...
    fn of(model: &impl Model) -> Option<Self> {
        let size = model.get_vocab_size();
        let places = (2 * size).next_power_of_two().max(2);
        let mut vocabulary = Self {
            slots: vec![Slot::default(); places],
            shift: 64 - places.trailing_zeros(),
            bytes: Vec::with_capacity(8 * size),
            longest: 0,
        };
        for id in 0..u32::try_from(size).ok()? {
            let token = model.id_to_token(id)?;
            let (entry, continuing) = match token.strip_prefix(CONTINUING) {
                Some(entry) => (entry, true),
                None => (token.as_str(), false),
            };
            vocabulary.insert(entry.as_bytes(), continuing, id)?;
        }
        Some(vocabulary)
    }

    fn insert(&mut self, entry: &[u8], continuing: bool, id: u32) -> Option<()> {
        let length = u16::try_from(entry.len()).ok().filter(|_| entry.len() <= LONGEST_ENTRY)?;
        if length == 0 {
            // An entry "" or "##", which no part of a word is.
            return Some(());
        }
        let hash = entry.iter().fold(seed(continuing), |hash, byte| mix(hash, *byte));
        let mut at = self.place(hash);
        while self.slots[at].length > 0 {
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = Slot { id, start: u32::try_from(self.bytes.len()).ok()?, length, continuing };
        self.bytes.extend_from_slice(entry);
        self.longest = self.longest.max(entry.len());
        Some(())
    }

    /// The first slot to look at. Multiplication brings all bits of the hash to the upper ones.
    fn place(&self, hash: u64) -> usize {
        (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }

    fn find(&self, hash: u64, entry: &[u8], continuing: bool) -> Option<u32> {
        let mut at = self.place(hash);
        loop {
            let slot = self.slots[at];
            if slot.length == 0 {
                return None;
            }
            if usize::from(slot.length) == entry.len()
                && slot.continuing == continuing
                && &self.bytes[slot.start as usize..][..entry.len()] == entry
            {
                return Some(slot.id);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// The longest entry that `word` begins with, and its length.
    fn longest(&self, word: &[u8], continuing: bool) -> Option<(u32, usize)> {
        let mut hashes = [0; LONGEST_ENTRY];
        let mut hash = seed(continuing);
        let longest = word.len().min(self.longest);
        for (byte, place) in word[..longest].iter().zip(&mut hashes) {
            hash = mix(hash, *byte);
            *place = hash;
        }
        let whole = |length: &usize| word.get(*length).is_none_or(|next| is_boundary(*next));
        let mut lengths = (1..=longest).rev().filter(whole);
        lengths.find_map(|length| Some((self.find(hashes[length - 1], &word[..length], continuing)?, length)))
    }
}

/// FNV-1a, whose value for a beginning of a word is on the way to that of the whole.
fn mix(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}

fn seed(continuing: bool) -> u64 {
    0xcbf2_9ce4_8422_2325 ^ u64::from(continuing)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn both(folder: &str) -> (Tokenizer, WordPieces) {
        let mut tokenizer = Tokenizer::from_file(root().join(folder).join("tokenizer.json")).unwrap();
        tokenizer.with_padding(None).with_truncation(None).unwrap();
        let pieces = WordPieces::of(&tokenizer).unwrap();
        (tokenizer, pieces)
    }

    const FOLDERS: [&str; 3] =
        ["models/all-MiniLM-L6-v2", "test/fixtures/tiny-bert-mean", "test/fixtures/tiny-bert-cased"];

    /// Compares with the crate; whether the text was not left to it.
    fn check((tokenizer, pieces): &(Tokenizer, WordPieces), text: &str) -> bool {
        let mut ids = vec![7];
        let done = pieces.encode(text, &mut ids).is_some();
        if done {
            assert_eq!(&ids[1..], tokenizer.encode_fast(text, false).unwrap().get_ids(), "{text:?}");
        } else {
            assert_eq!(ids, [7]);
        }
        done
    }

    #[test]
    fn every_character_of_the_first_plane() {
        for folder in FOLDERS {
            let both = both(folder);
            let mut done = 0;
            for character in (0..0x1_1000).filter_map(char::from_u32) {
                done += u32::from(check(&both, &format!("Un{character}able {character}")));
            }
            assert!(done > 40_000, "{done}");
        }
    }

    #[test]
    fn plain_texts_are_done_here() {
        let both = both(FOLDERS[0]);
        for text in [
            "",
            "   ",
            "Hello, World! It's 3.5 \u{2013} or \u{201c}caf\u{e9}\u{201d}.",
            "unaffable pneumonoultramicroscopicsilicovolcanoconiosis",
            "\u{4e2d}\u{6587}\u{5b57} \u{ac00}\u{b098} \u{438}\u{441}\u{442}\u{43e}\u{440}\u{438}\u{44f} \u{3ac}\u{3c3}",
            "a list [1, 2] and a [CLS without an end]",
        ] {
            assert!(check(&both, text), "{text:?}");
        }
        for text in ["one [SEP] two", "e\u{301}", "\u{5e9}\u{5c1}", "\u{1f642}"] {
            assert!(!check(&both, text), "{text:?}");
        }
        for length in [99, 100, 101, 5_000] {
            assert!(check(&both, &"a".repeat(length)) && check(&both, &"\u{df}".repeat(length)));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

        #[test]
        fn any_text(parts in prop::collection::vec(
            prop_oneof![
                3 => "[a-zA-Z0-9]{1,12}",
                2 => prop::sample::select(vec![" ", "\n", ".", "-", "##", "[", "]", "[UNK]", "\u{a0}", "\u{ad}", "'"]).prop_map(str::to_owned),
                1 => "\\PC{0,4}",
                1 => "[\u{80}-\u{24f}\u{370}-\u{3ff}\u{400}-\u{45f}\u{3041}-\u{3096}\u{4e00}-\u{4e40}\u{ac00}-\u{ac40}]{1,6}",
                1 => any::<String>(),
            ],
            0..20,
        ), folder in prop::sample::select(FOLDERS.to_vec())) {
            thread_local! {
                static LOADED: Vec<(Tokenizer, WordPieces)> = FOLDERS.map(both).into();
            }
            let at = FOLDERS.iter().position(|each| *each == folder).unwrap();
            LOADED.with(|loaded| check(&loaded[at], &parts.concat()));
        }
    }
}
