//! Vectors equal sentence-transformers' (made by `scripts/make-fixtures.py`).

use std::fs;
use std::path::Path;
use std::sync::Arc;

use candle_embed::{Embedder, ExecutorChoice, LoadOptions};
use serde_json::Value;

use crate::common::{
    Case, cases, cosine, embed, fixture, float32_weights, load_with, max_difference, read_json, rows, string, texts,
    tiny_models,
};

/// The accuracy that the project states for float32. Vectors that are not normalised have components of several
/// units, and are compared relative to their largest.
const TOLERANCE: f32 = 2e-6;

const EXECUTORS: [ExecutorChoice; 2] = [ExecutorChoice::Packed, ExecutorChoice::Candle];

fn load_for(executor: ExecutorChoice, folder: &Path) -> Arc<Embedder> {
    let options = LoadOptions { executor, ..LoadOptions::default() };
    load_with(folder, &options).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

#[test]
fn tiny_folders_of_every_kind() {
    let names = tiny_models();
    assert!(names.len() >= 15, "{names:?}");
    for (name, executor) in names.iter().flat_map(|name| EXECUTORS.map(|executor| (name, executor))) {
        let expected = read_json(&fixture(&format!("{name}.expected.json")));
        let model = load_for(executor, &fixture(name));
        let info = model.info();
        assert_eq!(info.max_tokens as u64, expected["max_tokens"].as_u64().unwrap(), "{name}");
        assert_eq!(info.dimensions as u64, expected["dimensions"].as_u64().unwrap(), "{name}");
        assert_eq!(info.normalized, expected["normalized"].as_bool().unwrap(), "{name}");
        let texts: Vec<String> = expected["texts"].as_array().unwrap().iter().map(string).collect();
        for Case { options, vectors, prompt, tokens } in cases(&expected, info) {
            let embeddings = model.embed(texts.clone(), &options).unwrap();
            for (index, (row, reference)) in rows(&embeddings).iter().zip(&vectors).enumerate() {
                let scale = reference.iter().fold(1.0f32, |most, value| most.max(value.abs()));
                let difference = max_difference(row, reference) / scale;
                assert!(difference <= TOLERANCE, "{name}, {executor:?}, {prompt}, text {index}: {difference:e}");
            }
            assert_eq!(embeddings.tokens.iter().map(|count| u64::from(*count)).collect::<Vec<_>>(), tokens, "{name}");
        }
    }
}

/// The reference vectors of all-MiniLM-L6-v2 for `texts.json`.
fn mini_lm() -> (Vec<String>, Vec<Vec<f32>>, Value) {
    let info = read_json(&fixture("all-MiniLM-L6-v2.json"));
    let bytes = fs::read(fixture("all-MiniLM-L6-v2.f32")).unwrap();
    let values: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let texts: Vec<String> = texts().into_iter().map(|(_, text)| text).collect();
    let vectors: Vec<Vec<f32>> = values.chunks_exact(384).map(<[f32]>::to_vec).collect();
    assert_eq!(texts.len(), vectors.len());
    (texts, vectors, info)
}

#[test]
fn mini_lm_in_float32() {
    let Some(folder) = float32_weights() else {
        // Printed by the test runner with --nocapture; `npm test` counts it (test/native/parity.test.ts).
        return;
    };
    let (texts, vectors, info) = mini_lm();
    for executor in EXECUTORS {
        let model = load_for(executor, &folder);
        assert_eq!(model.info().max_tokens, 256, "tokenizer.json says 128");
        let embeddings = embed(&model, &texts);
        for (index, (row, reference)) in rows(&embeddings).iter().zip(&vectors).enumerate() {
            let difference = max_difference(row, reference);
            assert!(difference <= TOLERANCE, "{executor:?}, text {index}: {difference:e}");
        }
        let tokens: Vec<u64> = info["tokens"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
        assert_eq!(embeddings.tokens.iter().map(|n| u64::from(*n)).collect::<Vec<_>>(), tokens);
        let truncated = info["truncated"].as_array().unwrap().iter().enumerate();
        let truncated: Vec<u32> =
            truncated.filter(|(_, cut)| cut.as_bool().unwrap()).map(|(index, _)| index as u32).collect();
        assert_eq!(embeddings.truncated, truncated);
    }
}

/// Candle widens the stored int8 weights: what its vectors lose is the weights' part of the loss.
#[test]
fn the_embedded_int8_model() {
    let (texts, vectors, _) = mini_lm();
    let folder = fixture("../../models/all-MiniLM-L6-v2");
    for (executor, least) in [(ExecutorChoice::Packed, 0.996), (ExecutorChoice::Candle, 0.998)] {
        let model = load_for(executor, &folder);
        for (index, (row, reference)) in rows(&embed(&model, &texts)).iter().zip(&vectors).enumerate() {
            let cosine = cosine(row, reference);
            assert!(cosine >= least, "{executor:?}, text {index}: {cosine}");
        }
    }
}
