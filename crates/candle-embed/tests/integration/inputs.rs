//! Options and texts at their limits.

use serde_json::json;

use crate::common::{Copy, embed, fixture, load, load_with, rows};
use candle_embed::{EmbedOptions, ErrorCode, LoadOptions, OutputData, OutputType, Prompt, Truncate};

fn options() -> EmbedOptions {
    EmbedOptions::default()
}

/// Words of which each is one token of the tiny vocabulary.
fn words(count: usize) -> String {
    vec!["the"; count].join(" ")
}

#[test]
fn texts_are_cut_at_the_models_limit() {
    let model = load(&fixture("tiny-bert-mean")).unwrap();
    let limit = model.info().max_tokens;
    let texts = [words(limit - 3), words(limit - 2), words(limit - 1), words(100_000)];
    let embeddings = model.embed(texts.to_vec(), &options()).unwrap();
    assert_eq!(embeddings.tokens, [limit as u32 - 1, limit as u32, limit as u32, limit as u32]);
    assert_eq!(embeddings.truncated, [2, 3]);
    let rows = rows(&embeddings);
    assert_eq!(rows[1], rows[2]);
    assert_eq!(rows[1], rows[3]);
}

#[test]
fn the_start_of_a_text_can_go_instead() {
    let model = load(&fixture("tiny-bert-mean")).unwrap();
    let limit = model.info().max_tokens;
    // Long enough that it is tokenized from its end in pieces.
    let text = format!("{} river stone window", words(5_000));
    let cut = model.embed(vec![text], &EmbedOptions { truncate: Truncate::Start, ..options() }).unwrap();
    assert_eq!((cut.tokens[0] as usize, cut.truncated.as_slice()), (limit, [0u32].as_slice()));
    let end = |count| format!("{} river stone window", words(count));
    let candidates: Vec<String> = (0..limit).map(end).collect();
    let whole = model.embed(candidates, &options()).unwrap();
    let full = whole.tokens.iter().position(|tokens| *tokens as usize == limit).unwrap();
    assert_eq!(rows(&cut)[0], rows(&whole)[full]);
}

#[test]
fn a_long_text_can_be_refused() {
    let model = load(&fixture("tiny-bert-mean")).unwrap();
    let limit = model.info().max_tokens;
    let texts = vec![words(1), words(limit - 2), words(limit + 7), words(limit + 9)];
    let error = model.embed(texts, &EmbedOptions { truncate: Truncate::Error, ..options() }).unwrap_err();
    assert_eq!(error.code, ErrorCode::InputTooLong);
    let text = error.text.unwrap();
    assert_eq!((text.index, text.tokens, text.limit), (2, Some(limit + 9), Some(limit)));
    assert!(error.message.contains("text 2") && error.message.contains(&limit.to_string()), "{error}");
}

#[test]
fn dimensions_are_cut_and_renormalised() {
    let model = load(&fixture("tiny-bert-mean")).unwrap();
    let texts = vec![words(3), "river".to_owned()];
    let full = embed(&model, &texts);
    let to_eight = EmbedOptions { dimensions: Some(8), ..options() };
    let refused = model.embed(texts.clone(), &to_eight).unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidInput);
    assert!(refused.message.contains("cutWithoutMatryoshka"), "{refused}");
    let trained = LoadOptions { matryoshka_dimensions: vec![16, 8], ..LoadOptions::default() };
    let trained = load_with(&fixture("tiny-bert-mean"), &trained).unwrap();
    let cut = trained.embed(texts.clone(), &to_eight).unwrap();
    let asked_for = model.embed(texts.clone(), &EmbedOptions { cut_without_matryoshka: true, ..to_eight }).unwrap();
    assert_eq!(rows(&cut), rows(&asked_for));
    for (cut, full) in rows(&cut).iter().zip(rows(&full)) {
        let length = full[..8].iter().map(|value| value * value).sum::<f32>().sqrt();
        cut.iter().zip(full).for_each(|(cut, full)| assert!((cut - full / length).abs() < 1e-6));
    }
    for dimensions in [0, 33, usize::MAX] {
        let cut = EmbedOptions { dimensions: Some(dimensions), cut_without_matryoshka: true, ..options() };
        assert_eq!(model.embed(texts.clone(), &cut).unwrap_err().code, ErrorCode::InvalidInput);
    }
    let raw = model.embed(texts, &EmbedOptions { normalize: Some(false), ..options() }).unwrap();
    assert!(rows(&raw)[0].iter().map(|value| value * value).sum::<f32>() > 1.5);
}

#[test]
fn outputs_are_packed_row_by_row() {
    let model = load(&fixture("tiny-bert-mean")).unwrap();
    let texts = vec![words(2), "river".to_owned()];
    let full = embed(&model, &texts);
    let output = |output| model.embed(texts.clone(), &EmbedOptions { output, ..options() }).unwrap().data;
    let OutputData::Uint8(bits) = output(OutputType::Ubinary) else { panic!("ubinary is bytes") };
    let unpacked: Vec<bool> = bits.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
    let positive: Vec<bool> = rows(&full).concat().iter().map(|value| *value > 0.0).collect();
    assert_eq!(unpacked, positive);
    let OutputData::Int8(bytes) = output(OutputType::Int8) else { panic!("int8 is signed bytes") };
    for (row, full) in bytes.chunks_exact(32).zip(rows(&full)) {
        let row: Vec<f32> = row.iter().map(|byte| f32::from(*byte)).collect();
        assert!(crate::common::cosine(&row, full) > 0.9995);
    }
    let odd =
        EmbedOptions { output: OutputType::Binary, dimensions: Some(12), cut_without_matryoshka: true, ..options() };
    let error = model.embed(texts, &odd).unwrap_err();
    assert!(error.code == ErrorCode::InvalidInput && error.message.contains("multiple of 8"), "{error}");
}

#[test]
fn prompts_by_kind_and_name() {
    let model = load(&fixture("tiny-bert-cls")).unwrap();
    let with = |prompt, text: &str| {
        let embeddings = model.embed(vec![text.to_owned()], &EmbedOptions { prompt, ..options() }).unwrap();
        rows(&embeddings)[0].to_vec()
    };
    let expected = with(Prompt::Default, "represent this: river");
    assert_eq!(with(Prompt::Query, "river"), expected);
    assert_eq!(with(Prompt::Named("query".to_owned()), "river"), expected);
    assert_eq!(with(Prompt::Text("represent this: ".to_owned()), "river"), expected);
    assert_eq!(with(Prompt::Document, "river"), with(Prompt::Default, "river"));
    let unknown = EmbedOptions { prompt: Prompt::Named("nonsense".to_owned()), ..options() };
    let error = model.embed(vec![], &unknown).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidInput);
    assert!(error.message.contains("query"), "{error}");
}

#[test]
fn odd_texts_have_vectors() {
    let model = load(&fixture("tiny-bert-mean")).unwrap();
    let texts: Vec<String> = [
        String::new(),
        " ".repeat(100_000),
        "\0".to_owned(),
        "a".repeat(1_000_000),
        "a b\n".repeat(1_000_000),
        "_".repeat(50_000),
        "\u{301}".repeat(10_000),
        "\u{fffd}\u{feff}\u{202e}".to_owned(),
        "中".repeat(10_000),
        "[CLS] [SEP] [PAD] [UNK] [MASK]".to_owned(),
    ]
    .into();
    let embeddings = embed(&model, &texts);
    assert!(rows(&embeddings).concat().iter().all(|value| value.is_finite()));
    assert_eq!(embeddings.tokens[0], 2);
}

#[test]
fn a_space_is_the_same_for_the_same_vectors_only() {
    let space = |folder: &std::path::Path| load(folder).unwrap().info().space_id.clone();
    let expected = space(&fixture("tiny-bert-mean"));
    assert_eq!(space(Copy::of("tiny-bert-mean").path()), expected);
    let changes = [
        ("config.json", "num_attention_heads", json!(2)),
        ("config.json", "hidden_act", json!("relu")),
        ("config.json", "layer_norm_eps", json!(1e-5)),
        ("tokenizer_config.json", "do_lower_case", json!(false)),
        ("1_Pooling/config.json", "pooling_mode", json!("cls")),
        ("1_Pooling/config.json", "include_prompt", json!(false)),
        ("config_sentence_transformers.json", "prompts", json!({"query": "q: "})),
    ];
    for (file, key, value) in changes {
        let copy = Copy::of("tiny-bert-mean");
        copy.set(file, key, value);
        assert_ne!(space(copy.path()), expected, "{key}");
    }
    let dense = Copy::of("tiny-bert-dense");
    dense.set("2_Dense/config.json", "activation_function", json!("torch.nn.modules.linear.Identity"));
    assert_ne!(space(dense.path()), space(&fixture("tiny-bert-dense")));
}

#[test]
fn load_options_are_checked() {
    let folder = fixture("tiny-bert-mean");
    for options in [
        LoadOptions { threads: Some(0), ..LoadOptions::default() },
        LoadOptions { threads: Some(1_000_000), ..LoadOptions::default() },
        LoadOptions { batch_tokens: Some(0), ..LoadOptions::default() },
        LoadOptions { pooling: Some("cls".parse().unwrap()), ..LoadOptions::default() },
    ] {
        assert_eq!(load_with(&folder, &options).err().unwrap().code, ErrorCode::InvalidInput, "{options:?}");
    }
    for device in ["metal", "cuda", "cuda:3"] {
        let options = LoadOptions { device: device.parse().unwrap(), ..LoadOptions::default() };
        assert_eq!(load_with(&folder, &options).err().unwrap().code, ErrorCode::DeviceUnavailable);
    }
}
