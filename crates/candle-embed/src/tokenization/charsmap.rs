//! The `precompiled_charsmap` of a SentencePiece normalizer: a trie from what a text has to what takes its place.
//!
//! The layout is that of the `spm_precompiled` crate: the trie's size in bytes, its units (a double array of darts-clone), then
//! the replacements, each ending with a NUL. The crate allocates what the size says, and follows indices of the trie and into the
//! replacements unchecked: what it could reach is walked here first.

use std::collections::HashSet;

use serde_json::Value;

use crate::error::{Error, Result};

/// Longest charsmap that is walked, in characters of base64: more than ten times that of NFKC, where a million units are looked at.
const MAX_CHARACTERS: usize = 4 << 20;

/// The crate looks up graphemes of fewer than 6 bytes, and single characters.
const LONGEST_KEY: usize = 5;

/// No byte of UTF-8 is larger. A NUL ends the look-up.
const LARGEST_BYTE: usize = 0xf4;

/// Replacements are measured so far. U+FDFA, the character that becomes the longest text in NFKC, has 33 bytes.
const LONGEST_REPLACEMENT: usize = 2048;

/// How much longer a text can become by the charsmap `encoded`, which the crate can follow without harm.
pub(super) fn growth(encoded: &Value) -> Result<f64> {
    let text = encoded.as_str().filter(|text| text.len() <= MAX_CHARACTERS);
    let decoded = text.and_then(|text| base64::decode(text).ok());
    decoded.as_deref().and_then(parts).and_then(|(trie, replacements)| walk(&trie, replacements)).ok_or_else(|| {
        Error::invalid_model("tokenizer.json has a precompiled_charsmap that is damaged; get the file again")
    })
}

/// The units of the trie and the replacements.
fn parts(charsmap: &[u8]) -> Option<(Vec<u32>, &str)> {
    let (size, rest) = charsmap.split_first_chunk::<4>()?;
    let whole_units = u32::from_le_bytes(*size) as usize / 4 * 4;
    let (trie, replacements) = rest.split_at_checked(whole_units)?;
    let trie = trie.chunks_exact(4).map(|unit| u32::from_le_bytes(unit.try_into().expect("four bytes"))).collect();
    Some((trie, std::str::from_utf8(replacements).ok()?))
}

/// The growth, where every index that a key can lead to is inside.
fn walk(trie: &[u32], replacements: &str) -> Option<f64> {
    let mut growth: f64 = 1.0;
    let mut seen = HashSet::new();
    let mut nodes = vec![offset(*trie.first()?)];
    for length in 1..=LONGEST_KEY {
        let mut longer = Vec::new();
        for (node, byte) in nodes.into_iter().flat_map(|node| (1..=LARGEST_BYTE).map(move |byte| (node, byte))) {
            let at = node ^ byte;
            let unit = *trie.get(at)?;
            // What is no letter has the highest bit.
            if unit & (1 << 31 | 0xff) != byte as u32 {
                continue;
            }
            let next = at ^ offset(unit);
            if unit & (1 << 8) != 0 {
                let start = *trie.get(next)? & !(1 << 31);
                let replacement = replacements.get(start as usize..)?.bytes().take(LONGEST_REPLACEMENT);
                let bytes = replacement.take_while(|byte| *byte != 0).count();
                growth = growth.max(bytes as f64 / length as f64);
            }
            // Tries share their ends. The shortest way to one is seen first, and has the largest growth.
            if seen.insert(next) {
                longer.push(next);
            }
        }
        nodes = longer;
    }
    Some(growth)
}

fn offset(unit: u32) -> usize {
    ((unit >> 10) << ((unit & (1 << 9)) >> 6)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A trie of one block that makes `replacement` of each "a", with `first` as its first unit.
    fn charsmap(first: u32, leaf: u32, replacement: &[u8]) -> Value {
        let mut trie = vec![0u32; 512];
        trie[0] = first;
        // The root's children are at 256 ^ byte; "a" has a leaf, at its own place with offset 1.
        trie[256 ^ usize::from(b'a')] = u32::from(b'a') | 1 << 8 | 1 << 10;
        trie[256 ^ usize::from(b'a') ^ 1] = 1 << 31 | leaf;
        let units = trie.iter().flat_map(|unit| unit.to_le_bytes());
        let bytes: Vec<u8> =
            2048u32.to_le_bytes().into_iter().chain(units).chain(replacement.iter().copied()).collect();
        base64::encode(bytes).into()
    }

    const ROOT: u32 = 256 << 10;

    #[test]
    fn what_a_character_becomes_is_measured() {
        assert_eq!(growth(&charsmap(ROOT, 0, b"b\0")).unwrap(), 1.0);
        assert_eq!(growth(&charsmap(ROOT, 2, b"b\0bcd\0")).unwrap(), 3.0);
        let whole = [vec![b'x'; 100_000], vec![0]].concat();
        assert_eq!(growth(&charsmap(ROOT, 0, &whole)).unwrap(), LONGEST_REPLACEMENT as f64);
    }

    #[test]
    fn indices_lead_nowhere_else() {
        let damaged = [
            charsmap(512 << 10, 0, b"b\0"),
            charsmap(u32::MAX, 0, b"b\0"),
            charsmap(ROOT, 3, b"b\0"),
            charsmap(ROOT, 1, "é\0".as_bytes()),
            charsmap(ROOT, 0, b"\xff\0"),
        ];
        for (at, encoded) in damaged.iter().enumerate() {
            assert!(growth(encoded).is_err(), "{at}");
        }
        for bytes in [&[][..], &[0; 3], &[0; 4], &[255, 255, 255, 255, 0, 0, 0, 0], &[4, 0, 0, 0, 0, 252, 255, 255]] {
            assert!(growth(&base64::encode(bytes).into()).is_err(), "{bytes:?}");
        }
        let endless = charsmap(ROOT, 0, &vec![0; MAX_CHARACTERS]);
        for encoded in [Value::Null, "?".into(), endless] {
            assert!(growth(&encoded).is_err());
        }
    }
}
