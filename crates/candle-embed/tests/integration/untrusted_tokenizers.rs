//! A `tokenizer.json` that the tokenizers crate would panic at or run out of memory with is refused when the model is loaded.
//! In WebAssembly a panic ends the module, and an allocation that is refused ends every process.

use crate::common::{Copy, embed, expect, load, read_json};
use candle_embed::{EmbedOptions, ErrorCode};
use serde_json::{Value, json};

use ErrorCode::{ModelInvalid, UnsupportedArchitecture};

/// `name` with parts of its tokenizer.json replaced.
fn with(name: &str, parts: &[(&str, Value)]) -> Copy {
    let copy = Copy::of(name);
    for (part, value) in parts {
        copy.set("tokenizer.json", part, value.clone());
    }
    copy
}

fn replace(pattern: Value, content: &str) -> Value {
    json!({"type": "Replace", "pattern": pattern, "content": content})
}

fn sequence(normalizers: &[Value]) -> Value {
    json!({"type": "Sequence", "normalizers": normalizers})
}

#[test]
fn charsmaps_that_lead_out_of_their_trie() {
    let precompiled = |charsmap: &str| json!({"type": "Precompiled", "precompiled_charsmap": charsmap});
    // Cut short; 8 GB by its size; a trie of one unit that leads far away. Old files leave the type out.
    for charsmap in ["AAAA", "/////wAAAAA=", "BAAAAAD8//8=", "", "?"] {
        for normalizer in [
            precompiled(charsmap),
            sequence(&[json!({"type": "Lowercase"}), precompiled(charsmap)]),
            json!({"precompiled_charsmap": charsmap}),
        ] {
            expect(&with("tiny-xlm-roberta", &[("normalizer", normalizer)]), ModelInvalid, "precompiled_charsmap");
        }
    }
    let none = json!({"type": "Precompiled"});
    expect(&with("tiny-xlm-roberta", &[("normalizer", none)]), ModelInvalid, "precompiled_charsmap");
}

#[test]
fn replacements_that_double_a_text_each_time() {
    let doubled = || vec![replace(json!({"String": "a"}), "aa"); 30];
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    let between = replace(json!({"Regex": ""}), &"a".repeat(1000));
    let cases = [
        ("normalizer", sequence(&doubled())),
        ("normalizer", sequence(&[sequence(&doubled()), sequence(&[])])),
        ("normalizer", between),
        ("pre_tokenizer", json!({"type": "Sequence", "pretokenizers": vec![byte_level; 30]})),
        ("decoder", json!({"type": "Sequence", "decoders": doubled()})),
        ("decoder", json!({"type": "Sequence", "decoders": vec![json!({"type": "BPEDecoder", "suffix": ""}); 30]})),
    ];
    for (part, value) in cases {
        expect(&with("tiny-xlm-roberta", &[(part, value)]), UnsupportedArchitecture, "longer");
    }
}

#[test]
fn pieces_of_no_length() {
    let fixed = json!({"type": "FixedLength", "length": 0});
    for value in [fixed.clone(), json!({"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, fixed]})] {
        expect(&with("tiny-xlm-roberta", &[("pre_tokenizer", value)]), ModelInvalid, "FixedLength");
    }
}

/// What converters write for SentencePiece models, T5's and DeBERTa's among them; the trie makes "b" of "a".
#[test]
fn real_normalizers_load_and_are_followed() {
    let units = (0u32..512).flat_map(|at| {
        let unit: u32 = match at {
            0 => 256 << 10,
            0x161 => 0x61 | 1 << 8 | 1 << 10,
            0x160 => 1 << 31,
            _ => 0,
        };
        unit.to_le_bytes()
    });
    let charsmap: Vec<u8> = 2048u32.to_le_bytes().into_iter().chain(units).chain(*b"b\0").collect();
    let precompiled = json!({"type": "Precompiled", "precompiled_charsmap": base64(&charsmap)});
    let spaces = || replace(json!({"Regex": " {2,}"}), "\u{2581}");
    for normalizer in [
        sequence(&[precompiled.clone(), json!({"type": "Strip", "strip_left": false, "strip_right": true}), spaces()]),
        sequence(&[json!({"type": "Lowercase"}), precompiled.clone(), spaces()]),
        sequence(&[json!({"type": "Nmt"}), json!({"type": "NFKC"}), replace(json!({"String": "a"}), "b"), spaces()]),
    ] {
        let model = load(with("tiny-xlm-roberta", &[("normalizer", normalizer)]).path()).unwrap();
        let vectors = embed(&model, &["a bad apple".to_owned(), "b bbd bpple".to_owned()]);
        let rows = crate::common::rows(&vectors);
        assert_eq!(rows[0], rows[1]);
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digits = (0..=chunk.len()).map(|at| DIGITS[(bits >> (18 - 6 * at)) as usize & 63] as char);
        text.extend(digits.chain(std::iter::repeat_n('=', 3 - chunk.len())));
    }
    text
}

/// They are in every text, so a model that loads would fail in every call.
#[test]
fn special_tokens_beyond_the_embedding_table() {
    for (name, special) in [("tiny-bert-mean", "[SEP]"), ("tiny-roberta", "</s>")] {
        let copy = Copy::of(name);
        let mut processor = read_json(&copy.path().join("tokenizer.json"))["post_processor"].clone();
        if processor["type"] == "TemplateProcessing" {
            processor["special_tokens"][special]["ids"] = json!([999_999]);
        } else {
            processor["sep"][1] = json!(999_999);
        }
        copy.set("tokenizer.json", "post_processor", processor);
        expect(&copy, ModelInvalid, "999999");
    }
}

#[test]
fn dropout_of_merges() {
    let copy = Copy::of("tiny-roberta");
    let mut model = read_json(&copy.path().join("tokenizer.json"))["model"].clone();
    model["dropout"] = json!(0.5);
    copy.set("tokenizer.json", "model", model.clone());
    expect(&copy, UnsupportedArchitecture, "dropout");
    model["dropout"] = json!(0.0);
    copy.set("tokenizer.json", "model", model);
    load(copy.path()).unwrap().embed(vec!["the fox".to_owned()], &EmbedOptions::default()).unwrap();
}
