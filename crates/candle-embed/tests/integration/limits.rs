//! What a folder asks memory and time for is bounded before it is made: a folder is untrusted, and an allocation that is
//! refused ends the process.

use std::fs;

use crate::common::{Copy, expect, load, read_json};
use candle_embed::ErrorCode;
use serde_json::json;

use ErrorCode::ModelInvalid;

/// A NomicBERT folder has no position table, so this number alone says how long its rotary tables are.
#[test]
fn lengths_that_no_model_has() {
    for name in ["tiny-nomic-bert", "tiny-modernbert", "tiny-mpnet", "tiny-bert-mean"] {
        for length in [0u64, 50_000_000, 1_000_000_000_000, u64::MAX] {
            let copy = Copy::of(name);
            copy.set("sentence_bert_config.json", "max_seq_length", json!(length));
            expect(&copy, ModelInvalid, "max_seq_length");
        }
        let copy = Copy::of(name);
        copy.set("tokenizer_config.json", "model_max_length", json!(0));
        expect(&copy, ModelInvalid, "model_max_length");
    }
}

/// transformers writes `int(1e30)` where a tokenizer has no limit; other tools write other large numbers.
#[test]
fn a_tokenizer_without_a_limit() {
    for length in ["1000000000000000019884624838656", "1e30", "18446744073709551615", "2147483647", "50000000"] {
        let copy = Copy::of("tiny-modernbert");
        copy.write("tokenizer_config.json", format!("{{\"model_max_length\": {length}}}"));
        let positions = read_json(&copy.path().join("config.json"))["max_position_embeddings"].as_u64();
        assert_eq!(load(copy.path()).unwrap().info().max_tokens as u64, positions.unwrap(), "{length}");
    }
}

#[test]
fn rotary_bases_that_give_no_angles() {
    for (name, key) in [("tiny-nomic-bert", "rotary_emb_base"), ("tiny-modernbert-biases", "global_rope_theta")] {
        let copy = Copy::of(name);
        copy.set("config.json", key, json!(1e-300));
        expect(&copy, ModelInvalid, "not finite");
    }
}

#[test]
fn a_padding_id_beyond_all_numbers() {
    let copy = Copy::of("tiny-roberta");
    copy.set("config.json", "pad_token_id", json!(u64::MAX));
    expect(&copy, ModelInvalid, "pad_token_id");
}

/// Parsed, a configuration takes many times the memory of its file.
#[test]
fn configurations_of_many_megabytes() {
    let padding = |bytes: usize| "0,".repeat(bytes / 2);
    for name in ["config.json", "modules.json", "1_Pooling/config.json", "sentence_bert_config.json"] {
        let copy = Copy::of("tiny-bert-mean");
        copy.write(name, format!("{{\"numbers\":[{}0]}}", padding(5 << 20)));
        expect(&copy, ModelInvalid, "at most 4194304 are read");
    }
    // Long before what it says is looked at, and as much as a real one may have.
    for (bytes, part) in [(70 << 20, "at most 67108864 are read"), (20 << 20, "can't be read")] {
        let copy = Copy::of("tiny-bert-mean");
        copy.write("tokenizer.json", format!("{{\"numbers\":[{}0]", padding(bytes)));
        expect(&copy, ModelInvalid, part);
    }
    let copy = Copy::of("tiny-bert-sharded");
    copy.write("model.safetensors.index.json", padding(17 << 20));
    expect(&copy, ModelInvalid, "at most 16777216 are read");
}

#[test]
fn a_header_of_many_megabytes() {
    let copy = Copy::of("tiny-bert-mean");
    let bytes = fs::read(copy.path().join("model.safetensors")).unwrap();
    let size = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let with_spaces = |size_after: usize| {
        let spaces = vec![b' '; size_after - size];
        [&(size_after as u64).to_le_bytes()[..], &bytes[8..8 + size], &spaces, &bytes[8 + size..]].concat()
    };
    copy.write("model.safetensors", with_spaces(8 << 20));
    load(copy.path()).unwrap();
    copy.write("model.safetensors", with_spaces((8 << 20) + 8));
    expect(&copy, ModelInvalid, "at most 8388608 are read");
}

#[test]
fn prompts_of_many_kilobytes() {
    for (bytes, loads) in [(64 << 10, true), ((64 << 10) + 1, false)] {
        let copy = Copy::of("tiny-bert-mean");
        let config = json!({"prompts": {"query": "a".repeat(bytes)}, "default_prompt_name": "query"});
        copy.write("config_sentence_transformers.json", config.to_string());
        if loads {
            assert_eq!(load(copy.path()).unwrap().info().prompts["query"].len(), bytes);
        } else {
            expect(&copy, ModelInvalid, "prompt \"query\" has 65537 bytes");
        }
    }
}
