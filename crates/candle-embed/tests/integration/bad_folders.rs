//! Model folders are untrusted: each fault gets a typed error that names the file, and nothing panics.

use std::fs;
use std::path::Path;

use crate::common::{Copy, embed, expect, fixture, load, load_with, poison, rows};
use candle_embed::{EmbedOptions, ErrorCode, LoadOptions, quantize_model};
use proptest::prelude::*;
use serde_json::json;

use ErrorCode::{ModelInvalid, ModelNotFound, UnsupportedArchitecture};

fn copy() -> Copy {
    Copy::of("tiny-bert-mean")
}

#[test]
fn absent_files() {
    let error = load(Path::new("/nowhere/at/all")).err().unwrap();
    assert_eq!(error.code, ModelNotFound);
    for name in ["config.json", "tokenizer.json", "model.safetensors", "1_Pooling/config.json"] {
        let copy = copy();
        copy.remove(name);
        expect(&copy, ModelNotFound, name.rsplit('/').next().unwrap());
    }
    let copy = copy();
    copy.remove("model.safetensors").write("pytorch_model.bin", "weights");
    expect(&copy, ModelNotFound, "safe_serialization");
    // Old folders have a dense layer of that kind beside an encoder that was converted.
    let copy = Copy::of("tiny-bert-dense");
    copy.remove("2_Dense/model.safetensors").write("2_Dense/pytorch_model.bin", "weights");
    expect(&copy, ModelNotFound, "safe_serialization");
}

#[test]
fn a_folder_that_leaves_pooling_open() {
    let copy = copy();
    copy.remove("modules.json");
    expect(&copy, ModelInvalid, "pooling");
    let options = LoadOptions { pooling: Some("mean".parse().unwrap()), ..LoadOptions::default() };
    let model = load_with(copy.path(), &options).unwrap();
    assert_eq!((model.info().pooling.as_str(), model.info().normalized), ("mean", false));
}

#[test]
fn json_that_is_not() {
    for name in ["config.json", "tokenizer.json", "modules.json", "1_Pooling/config.json", "sentence_bert_config.json"]
    {
        for content in ["", "{", "[]]", "null", "\"text\"", "{\"a\":", &"[".repeat(100_000)] {
            let copy = copy();
            copy.write(name, content);
            let code = load(copy.path()).err().map(|error| error.code);
            assert!(code == Some(ModelInvalid), "{name} {content:.9}: {code:?}");
        }
    }
}

#[test]
fn sizes_that_contradict() {
    let cases = [
        ("num_attention_heads", json!(0), "num_attention_heads"),
        ("num_attention_heads", json!(5), "num_attention_heads"),
        ("hidden_size", json!(0), "hidden_size"),
        ("hidden_size", json!(64), "shape"),
        ("hidden_size", json!(u64::MAX), "hidden_size"),
        ("hidden_size", json!(-1), "config.json"),
        ("hidden_size", json!("32"), "config.json"),
        ("num_hidden_layers", json!(0), "num_hidden_layers"),
        ("num_hidden_layers", json!(3), "lack tensor"),
        ("intermediate_size", json!(65), "shape"),
        ("vocab_size", json!(5), "tokenizer.json"),
        ("max_position_embeddings", json!(1), "special tokens"),
        ("max_position_embeddings", json!(65), "shape"),
        ("layer_norm_eps", json!(-1.0), "layer_norm_eps"),
    ];
    for (key, value, part) in cases {
        let copy = copy();
        copy.set("config.json", key, value.clone());
        let error = load(copy.path()).err().unwrap_or_else(|| panic!("{key} {value} loads"));
        assert_eq!(error.code, ModelInvalid, "{key} {value}: {error}");
        assert!(error.message.contains(part), "{key} {value}: {error}");
    }
}

#[test]
fn a_vocabulary_larger_than_the_embedding_table() {
    let copy = copy();
    let mut tokenizer = crate::common::read_json(&copy.path().join("tokenizer.json"));
    tokenizer["model"]["vocab"]["beyond"] = json!(127);
    copy.write("tokenizer.json", tokenizer.to_string());
    expect(&copy, ModelInvalid, "128 tokens");
    // As many tokens as embeddings, but one of them beyond the last.
    let vocabulary = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    vocabulary.remove("river").unwrap();
    vocabulary["beyond"] = json!(100_000);
    copy.write("tokenizer.json", tokenizer.to_string());
    let model = load(copy.path()).unwrap();
    model.embed(vec!["the stone".to_owned()], &EmbedOptions::default()).unwrap();
    let error = model.embed(vec!["beyond".to_owned()], &EmbedOptions::default()).unwrap_err();
    assert_eq!(error.code, ModelInvalid);
    assert!(error.message.contains("100000"), "{error}");
}

#[test]
fn architectures_that_are_not_reproduced() {
    let cases = [
        ("config.json", "model_type", json!("gpt2"), "gpt2"),
        ("config.json", "hidden_act", json!("quick_gelu"), "quick_gelu"),
        ("config.json", "position_embedding_type", json!("relative_key"), "relative_key"),
        ("config.json", "is_decoder", json!(true), "decoder"),
        ("config_sentence_transformers.json", "truncate_dim", json!(8), "truncate_dim"),
        ("sentence_bert_config.json", "query_length", json!(8), "query_length"),
        ("tokenizer_config.json", "truncation_side", json!("left"), "truncation_side"),
    ];
    for (file, key, value, part) in cases {
        let copy = copy();
        copy.set(file, key, value);
        expect(&copy, UnsupportedArchitecture, part);
    }
    let modules = |kinds: &[&str]| {
        let entries = kinds.iter().enumerate().map(|(index, kind)| json!({"path": format!("m{index}"), "type": kind}));
        json!(entries.collect::<Vec<_>>()).to_string()
    };
    for kinds in [
        &["sentence_transformers.models.CLIPModel"][..],
        &["x.Transformer", "x.Normalize"],
        &["x.Transformer", "x.Pooling", "x.LSTM"],
        &["x.Transformer", "x.Pooling", "x.Normalize", "x.Dense"],
    ] {
        let copy = copy();
        copy.write("modules.json", modules(kinds));
        expect(&copy, UnsupportedArchitecture, "modules.json");
    }
}

/// What the other architectures' configurations can say and is computed otherwise, or not at all.
#[test]
fn variants_that_are_not_reproduced() {
    let cases = [
        ("tiny-roberta", "position_embedding_type", json!("relative_key"), "relative_key"),
        ("tiny-roberta", "is_decoder", json!(true), "decoder"),
        ("tiny-mpnet", "relative_attention_num_buckets", json!(16), "relative_attention_num_buckets"),
        ("tiny-mpnet", "hidden_act", json!("mish"), "mish"),
        ("tiny-distilbert", "activation", json!("mish"), "mish"),
        ("tiny-nomic-bert", "prenorm", json!(true), "prenorm"),
        ("tiny-nomic-bert", "activation_function", json!("geglu"), "geglu"),
        ("tiny-nomic-bert", "rotary_scaling_factor", json!(2.0), "rotary_scaling_factor"),
        ("tiny-nomic-bert", "rotary_emb_interleaved", json!(true), "rotary_emb_interleaved"),
        ("tiny-nomic-bert", "rotary_emb_fraction", json!(0.0), "rotary"),
        ("tiny-nomic-bert", "num_experts", json!(8), "num_experts"),
        ("tiny-nomic-bert-native", "rope_parameters", json!({"rope_type": "yarn", "rope_theta": 50.0}), "yarn"),
        ("tiny-modernbert", "hidden_activation", json!("mish"), "mish"),
        ("tiny-modernbert", "rope_scaling", json!({"factor": 2.0}), "rope_scaling"),
        (
            "tiny-modernbert",
            "rope_parameters",
            json!({"full_attention": {"rope_type": "dynamic", "rope_theta": 50.0}}),
            "dynamic",
        ),
    ];
    for (name, key, value, part) in cases {
        let copy = Copy::of(name);
        copy.set("config.json", key, value);
        expect(&copy, UnsupportedArchitecture, part);
    }
}

#[test]
fn configurations_that_contradict_the_weights() {
    let cases = [
        ("tiny-roberta", "pad_token_id", json!(49), "pad_token_id"),
        ("tiny-roberta", "pad_token_id", json!(-1), "pad_token_id"),
        ("tiny-mpnet", "max_position_embeddings", json!(2), "max_position_embeddings"),
        ("tiny-nomic-bert", "n_inner", json!(57), "shape"),
        ("tiny-nomic-bert", "qkv_proj_bias", json!(true), "lack tensor"),
        ("tiny-modernbert", "layer_types", json!(["full_attention"]), "layer_types"),
        ("tiny-modernbert", "layer_types", json!(["causal"]), "config.json"),
        ("tiny-modernbert", "local_attention", json!(0), "local_attention"),
        ("tiny-modernbert-biases", "global_rope_theta", json!(-1.0), "rope_theta"),
        ("tiny-modernbert", "norm_bias", json!(true), "lack tensor"),
        ("tiny-model2vec", "normalize", json!(false), "normalize"),
        ("tiny-model2vec", "max_length", json!(0), "max_length"),
    ];
    for (name, key, value, part) in cases {
        let copy = Copy::of(name);
        copy.set("config.json", key, value);
        expect(&copy, ModelInvalid, part);
    }
}

#[test]
fn a_mapping_beyond_the_table() {
    let copy = Copy::of("tiny-model2vec-clusters");
    let path = copy.path().join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let data = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..data]).unwrap();
    let at = data + header["mapping"]["data_offsets"][0].as_u64().unwrap() as usize;
    for index in [31i64, -1, i64::MAX] {
        bytes[at..at + 8].copy_from_slice(&index.to_le_bytes());
        copy.write("model.safetensors", &bytes);
        expect(&copy, ModelInvalid, "mapping");
    }
}

#[test]
fn static_embeddings_pool_in_one_way() {
    let options = LoadOptions { pooling: Some("cls".parse().unwrap()), ..LoadOptions::default() };
    for name in ["tiny-static", "tiny-model2vec"] {
        assert_eq!(load_with(&fixture(name), &options).err().unwrap().code, ErrorCode::InvalidInput);
    }
    let copy = Copy::of("tiny-static");
    let kinds = json!([{"path": "", "type": "x.StaticEmbedding"}, {"path": "1_Pooling", "type": "x.Pooling"}]);
    copy.write("modules.json", kinds.to_string());
    expect(&copy, UnsupportedArchitecture, "modules.json");
}

/// A Model2Vec folder that is not from sentence-transformers' side: `config.json` says what it is.
#[test]
fn model2vec_without_modules() {
    let copy = Copy::of("tiny-model2vec");
    copy.remove("modules.json");
    let (bare, whole) = (load(copy.path()).unwrap(), load(&fixture("tiny-model2vec")).unwrap());
    assert_eq!(bare.info().space_id, whole.info().space_id);
    assert!(bare.info().normalized);
}

#[test]
fn files_outside_of_the_folder() {
    for path in ["../other", "/etc", "a/../../b", "C:\\models", "..\\up"] {
        let copy = copy();
        copy.write("modules.json", json!([{"path": path, "type": "x.Transformer"}]).to_string());
        expect(&copy, ModelInvalid, "outside");
        let copy = Copy::of("tiny-bert-sharded");
        copy.write("model.safetensors.index.json", json!({"weight_map": {"a": path}}).to_string());
        expect(&copy, ModelInvalid, "outside");
    }
}

#[test]
fn broken_safetensors() {
    let bytes = fs::read(fixture("tiny-bert-mean/model.safetensors")).unwrap();
    let header_size = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut huge_header = bytes.clone();
    huge_header[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let longer = [bytes.as_slice(), &[0; 64]].concat();
    for damaged in [
        &[][..],
        &bytes[..4],
        &bytes[..200],
        &bytes[..bytes.len() - 1],
        &bytes[..8 + header_size],
        &huge_header,
        &longer,
    ] {
        let copy = copy();
        copy.write("model.safetensors", damaged);
        expect(&copy, ModelInvalid, "model.safetensors");
    }
}

/// A clone without Git LFS has pointers in the place of its large files.
#[test]
fn a_pointer_of_git_lfs() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db\nsize 90868376\n";
    let copy = copy();
    copy.write("model.safetensors", pointer);
    expect(&copy, ModelInvalid, "git lfs pull");
}

/// A NaN can get lost on its way through minima and maxima: it is found at load, in every tensor.
#[test]
fn weights_that_are_no_numbers() {
    let float = [
        "embeddings.word_embeddings.weight",
        "embeddings.position_embeddings.weight",
        "embeddings.LayerNorm.weight",
        "encoder.layer.0.attention.self.query.weight",
        "encoder.layer.1.attention.self.value.bias",
        "encoder.layer.0.intermediate.dense.bias",
        "encoder.layer.1.output.dense.weight",
        "encoder.layer.1.output.LayerNorm.bias",
    ];
    let int8 = [
        "embeddings.word_embeddings.weight_scale",
        "encoder.layer.0.attention.self.key.weight_scale",
        "encoder.layer.0.intermediate.dense.weight_exact",
        "encoder.layer.1.output.dense.bias",
    ];
    let quantized = tempfile::tempdir().unwrap();
    quantize_model(&fixture("tiny-bert-mean"), quantized.path(), None).unwrap();
    let cases = float.map(|name| (false, name)).into_iter().chain(int8.map(|name| (true, name)));
    for (is_int8, name) in cases {
        for value in [f32::NAN, f32::INFINITY] {
            let copy = copy();
            if is_int8 {
                fs::copy(quantized.path().join("model.safetensors"), copy.path().join("model.safetensors")).unwrap();
            }
            poison(copy.path(), name, value);
            expect(&copy, ModelInvalid, name);
        }
    }
}

#[test]
fn weights_so_large_that_no_vector_comes_out() {
    let copy = copy();
    for name in ["encoder.layer.1.output.LayerNorm.weight", "encoder.layer.1.output.LayerNorm.bias"] {
        poison(copy.path(), name, 3e38);
    }
    let model = load(copy.path()).unwrap();
    let error = model.embed(vec!["the river and the stone".to_owned()], &EmbedOptions::default()).unwrap_err();
    assert_eq!(error.code, ModelInvalid, "{error}");
}

/// Batches are made by length and by what the time allows.
#[test]
fn the_first_text_without_a_vector_is_named() {
    let copy = copy();
    for name in ["encoder.layer.1.output.LayerNorm.weight", "encoder.layer.1.output.LayerNorm.bias"] {
        poison(copy.path(), name, 3e38);
    }
    let texts: Vec<String> = (0..600).map(|at| "the river ".repeat(1 + (at + 10) % 23)).collect();
    for threads in [1, 4] {
        let model = load_with(copy.path(), &LoadOptions { threads: Some(threads), ..LoadOptions::default() }).unwrap();
        let error = model.embed(texts.clone(), &EmbedOptions::default()).unwrap_err();
        assert!(error.message.contains("for text 0;"), "{threads} threads: {error}");
    }
}

#[test]
fn tokenizers_that_would_take_for_ever_or_lose_the_text() {
    let copy = copy();
    let mut tokenizer = crate::common::read_json(&copy.path().join("tokenizer.json"));
    tokenizer["model"]["max_input_chars_per_word"] = json!(1_000_000);
    copy.write("tokenizer.json", tokenizer.to_string());
    expect(&copy, UnsupportedArchitecture, "max_input_chars_per_word");
    tokenizer["model"]["max_input_chars_per_word"] = json!(100);
    let sequence = json!({"Sequence": {"id": "A", "type_id": 0}});
    let special = |id: &str| json!({"SpecialToken": {"id": id, "type_id": 0}});
    let tokens = |id: &str, number: u32| json!({"id": id, "ids": [number], "tokens": [id]});
    for single in [
        json!([special("[CLS]"), sequence, sequence, special("[SEP]")]),
        json!([special("[CLS]"), special("[SEP]")]),
        json!([sequence]),
    ] {
        tokenizer["post_processor"] = json!({
            "type": "TemplateProcessing",
            "single": single,
            "pair": [sequence, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": tokens("[CLS]", 2), "[SEP]": tokens("[SEP]", 3)},
        });
        copy.write("tokenizer.json", tokenizer.to_string());
        let error = load(copy.path()).err().unwrap_or_else(|| panic!("{single} loads"));
        assert!([UnsupportedArchitecture, ModelInvalid].contains(&error.code), "{error}");
    }
}

#[test]
fn configurations_of_unreasonable_size() {
    let modes = vec!["mean"; 100_000];
    let copy = copy();
    copy.set("1_Pooling/config.json", "pooling_mode", json!(modes));
    expect(&copy, ModelInvalid, "pooling mode");
    let copy = Copy::of("tiny-bert-dense");
    let dense = json!({"path": "2_Dense", "type": "x.Dense"});
    let modules = [json!({"path": "", "type": "x.Transformer"}), json!({"path": "1_Pooling", "type": "x.Pooling"})];
    let modules: Vec<_> = modules.into_iter().chain(vec![dense; 10_000]).collect();
    copy.write("modules.json", json!(modules).to_string());
    expect(&copy, UnsupportedArchitecture, "modules");
}

/// `/dev/zero` has size 0 and never ends; a pipe waits for a writer.
#[cfg(unix)]
#[test]
fn links_to_what_is_no_file() {
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        let copy = copy();
        copy.remove(name);
        std::os::unix::fs::symlink("/dev/zero", copy.path().join(name)).unwrap();
        let code = load(copy.path()).err().unwrap().code;
        assert!([ModelInvalid, ModelNotFound].contains(&code), "{name}");
    }
}

#[test]
fn foreign_truncation_and_padding_are_ignored() {
    let copy = copy();
    let text = vec!["the river and the stone ".repeat(6)];
    let expected = embed(&load(copy.path()).unwrap(), &text);
    copy.set(
        "tokenizer.json",
        "truncation",
        json!({"direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0}),
    );
    copy.set(
        "tokenizer.json",
        "padding",
        json!({"strategy": {"Fixed": 300}, "direction": "Left", "pad_to_multiple_of": null, "pad_id": 0,
               "pad_type_id": 0, "pad_token": "[PAD]"}),
    );
    let doctored = embed(&load(copy.path()).unwrap(), &text);
    assert_eq!(rows(&doctored), rows(&expected));
    assert_eq!(doctored.tokens, expected.tokens);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// Any bytes in the header of the weights: an error or a model, never a panic.
    #[test]
    fn mutated_headers(changes in prop::collection::vec((0usize..4_000, any::<u8>()), 1..6), cut in 0usize..200) {
        let copy = copy();
        let path = copy.path().join("model.safetensors");
        let mut bytes = fs::read(&path).unwrap();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len() - cut);
        copy.write("model.safetensors", bytes);
        if let Ok(model) = load(copy.path()) {
            let _ = model.embed(vec!["the".to_owned()], &EmbedOptions::default());
        }
    }
}
