//! A text's vector depends on nothing but the text: the same bits alone, in any batch, order, and thread count.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{embed, fixture, float32_weights, load_with, rows, texts};
use candle_embed::{EmbedOptions, Embedder, Embeddings, ExecutorChoice, LoadOptions};

/// The folders that are tried: poolings and architectures of the tiny ones, the embedded int8 model, and float32 where it
/// is.
fn folders() -> Vec<PathBuf> {
    let names = [
        "tiny-bert-mean",
        "tiny-bert-cls",
        "tiny-bert-max-concat",
        "tiny-xlm-roberta",
        "tiny-mpnet",
        "tiny-nomic-bert",
        "tiny-modernbert",
        "tiny-model2vec",
        "../../models/all-MiniLM-L6-v2",
    ];
    names.into_iter().map(fixture).chain(float32_weights()).collect()
}

/// 64 texts of mixed lengths, the empty one among them.
fn mixed() -> Vec<String> {
    let mut texts: Vec<String> = texts().into_iter().map(|(_, text)| text).collect();
    texts.truncate(64);
    assert_eq!(texts.len(), 64);
    texts
}

fn load_threads(folder: &std::path::Path, threads: usize) -> Arc<Embedder> {
    load_with(folder, &LoadOptions { threads: Some(threads), ..LoadOptions::default() }).unwrap()
}

fn bits(embeddings: &Embeddings) -> Vec<Vec<u32>> {
    rows(embeddings).into_iter().map(|row| row.iter().map(|value| value.to_bits()).collect()).collect()
}

#[test]
fn the_same_bits_alone_in_a_batch_and_in_any_order() {
    for folder in folders() {
        let (one, two) = (load_threads(&folder, 1), load_threads(&folder, 2));
        let texts = mixed();
        let expected = bits(&embed(&one, &texts));
        assert_eq!(bits(&embed(&two, &texts)), expected, "{}: two threads", folder.display());
        for (model, threads) in [(&one, 1), (&two, 2)] {
            for (text, expected) in texts.iter().zip(&expected) {
                let alone = bits(&embed(model, std::slice::from_ref(text)));
                assert_eq!(&alone[0], expected, "{}: {text:?} alone, {threads} threads", folder.display());
            }
        }
        let reversed: Vec<String> = texts.iter().rev().cloned().collect();
        let mut back = bits(&embed(&two, &reversed));
        back.reverse();
        assert_eq!(back, expected, "{}: reversed", folder.display());
    }
}

#[test]
fn the_reference_executor_is_invariant_too() {
    let folder = fixture("tiny-bert-mean");
    let texts = mixed();
    let load = |threads| {
        let options =
            LoadOptions { threads: Some(threads), executor: ExecutorChoice::Candle, ..LoadOptions::default() };
        load_with(&folder, &options).unwrap()
    };
    let (one, two) = (load(1), load(2));
    let expected = bits(&embed(&one, &texts));
    assert_eq!(bits(&embed(&two, &texts)), expected);
    for (text, expected) in texts.iter().zip(&expected) {
        assert_eq!(&bits(&embed(&two, std::slice::from_ref(text)))[0], expected);
    }
}

#[test]
fn the_same_bits_whatever_the_token_budget() {
    let folder = fixture("tiny-bert-mean");
    let expected = bits(&embed(&load_threads(&folder, 2), &mixed()));
    for batch_tokens in [1, 7, 100, 100_000] {
        let options = LoadOptions { batch_tokens: Some(batch_tokens), threads: Some(2), ..LoadOptions::default() };
        assert_eq!(bits(&embed(&load_with(&folder, &options).unwrap(), &mixed())), expected, "{batch_tokens}");
    }
}

#[test]
fn a_call_in_steps_gives_the_same_and_reports_its_progress() {
    let model = load_threads(&fixture("tiny-bert-mean"), 2);
    let texts: Vec<String> = mixed().into_iter().cycle().take(5_000).collect();
    let expected = embed(&model, &texts);
    let mut job = model.start_job(&EmbedOptions::default()).unwrap();
    for part in texts.chunks(999) {
        job.push(part.to_vec());
    }
    let (mut steps, mut last) = (0, 0);
    let result = loop {
        let step = job.step(Duration::ZERO).unwrap();
        assert!(step.texts > last && step.total_texts == texts.len());
        (steps, last) = (steps + 1, step.texts);
        if let Some(result) = step.result {
            break result;
        }
    };
    assert!(steps > 5, "{steps}");
    assert_eq!(bits(&result), bits(&expected));
    assert_eq!(result.tokens, expected.tokens);
    assert_eq!(result.truncated, expected.truncated);
    job.step(Duration::ZERO).expect_err("the job has been answered");
}

#[test]
fn callers_on_several_threads_get_their_own_answers() {
    let model = load_threads(&fixture("tiny-bert-mean"), 2);
    let texts = mixed();
    let expected = bits(&embed(&model, &texts));
    std::thread::scope(|scope| {
        for offset in 0..8 {
            let (model, texts, expected) = (&model, &texts, &expected);
            scope.spawn(move || {
                for (text, expected) in texts.iter().zip(expected).skip(offset) {
                    assert_eq!(&bits(&embed(model, std::slice::from_ref(text)))[0], expected);
                }
            });
        }
    });
}

#[test]
fn no_texts_give_no_vectors() {
    let embeddings = embed(&load_threads(&fixture("tiny-bert-mean"), 2), &[]);
    assert_eq!((rows(&embeddings).len(), embeddings.dimensions), (0, 32));
}
