//! Tokens with their places, and back.

use std::fs;

use candle_embed::{EmbedOptions, Embedder, ErrorCode, Tokens};

use crate::common::{fixture, load, rows, texts};

/// One folder of each kind of tokenizer.
const FOLDERS: [&str; 5] = ["tiny-bert-mean", "tiny-bert-cased", "tiny-mpnet", "tiny-xlm-roberta", "tiny-modernbert"];

fn inputs() -> Vec<String> {
    let mut inputs: Vec<String> = texts().into_iter().map(|(_, text)| text).collect();
    inputs.extend(
        ["I do not know; it's 3.5 \u{a0} km — naïve 🙂 日本語 [MASK] x", "[UNK] <mask> [SEP] end", ""]
            .map(str::to_owned),
    );
    inputs
}

/// Of the inputs, those without a character that SentencePiece does not know: its id says no more than that.
fn known_inputs(model: &Embedder) -> Vec<String> {
    const UNKNOWN: u32 = 3;
    let unigram = model.info().model_type == "xlm-roberta";
    let known =
        |text: &String| !unigram || !model.tokenize(std::slice::from_ref(text), false).unwrap().ids.contains(&UNKNOWN);
    let inputs: Vec<String> = inputs().into_iter().filter(known).collect();
    assert!(inputs.len() >= 20);
    inputs
}

fn text_of(tokens: &Tokens, index: usize) -> &[u32] {
    let start: u32 = tokens.lengths[..index].iter().sum();
    &tokens.ids[start as usize..][..tokens.lengths[index] as usize]
}

#[test]
fn texts_of_tokens_have_the_same_tokens() {
    for folder in FOLDERS {
        let model = load(&fixture(folder)).unwrap();
        let inputs = known_inputs(&model);
        for special in [true, false] {
            let tokens = model.tokenize(&inputs, special).unwrap();
            let spelled = model.detokenize(&tokens.ids, &tokens.lengths).unwrap();
            let again = model.tokenize(&spelled, special).unwrap();
            for (index, text) in spelled.iter().enumerate() {
                assert_eq!(
                    text_of(&again, index),
                    text_of(&tokens, index),
                    "{folder}: {:?} as {text:?}",
                    inputs[index]
                );
            }
        }
    }
}

#[test]
fn tokens_are_those_that_are_embedded() {
    for folder in FOLDERS {
        let model = load(&fixture(folder)).unwrap();
        let inputs = inputs();
        let tokens = model.tokenize(&inputs, true).unwrap();
        let embeddings = model.embed(inputs.clone(), &EmbedOptions::default()).unwrap();
        for (index, used) in embeddings.tokens.iter().enumerate() {
            if embeddings.truncated.contains(&(index as u32)) {
                assert!(tokens.lengths[index] > *used, "{folder}");
            } else {
                assert_eq!(tokens.lengths[index], *used, "{folder}: {:?}", inputs[index]);
            }
        }
        let inputs = known_inputs(&model);
        let tokens = model.tokenize(&inputs, true).unwrap();
        let embeddings = model.embed(inputs.clone(), &EmbedOptions::default()).unwrap();
        let spelled = model.detokenize(&tokens.ids, &tokens.lengths).unwrap();
        let of_spelled = model.embed(spelled, &EmbedOptions::default()).unwrap();
        let same = |index: &usize| rows(&of_spelled)[*index] == rows(&embeddings)[*index];
        let others: Vec<_> = (0..inputs.len()).filter(|index| !same(index)).map(|index| &inputs[index]).collect();
        assert!(others.is_empty(), "{folder}: {others:?}");
    }
}

#[test]
fn offsets_are_utf16_positions_of_the_token() {
    let model = load(&fixture("tiny-bert-mean")).unwrap();
    let text = "🙂 The river, THE Bread";
    let tokens = model.tokenize(&[text.to_owned()], true).unwrap();
    let units: Vec<u16> = text.encode_utf16().collect();
    let slice = |at: usize| {
        String::from_utf16(&units[tokens.offsets[2 * at] as usize..tokens.offsets[2 * at + 1] as usize]).unwrap()
    };
    let slices: Vec<String> = (0..tokens.ids.len()).map(slice).collect();
    assert_eq!(slices, ["", "🙂", "The", "river", ",", "THE", "Bread", ""]);
    assert_eq!(tokens.offsets.last(), Some(&(units.len() as u32)));
    let again = model.tokenize(&["the".to_owned()], false).unwrap();
    assert_eq!((again.ids[0], again.offsets), (tokens.ids[2], vec![0, 3]));
}

#[test]
fn long_texts_are_found_whole() {
    let model = load(&fixture("tiny-bert-mean")).unwrap();
    let text = format!("{} {} river", "the stone, ".repeat(40_000), "x".repeat(100_000));
    let tokens = model.tokenize(std::slice::from_ref(&text), false).unwrap();
    let places: Vec<_> =
        tokens.offsets.chunks_exact(2).map(|place| &text[place[0] as usize..place[1] as usize]).collect();
    assert_eq!(places.len(), 3 * 40_000 + 2);
    assert!(places.iter().zip(["the", "stone", ","].iter().cycle()).take(120_000).all(|(place, word)| place == word));
    assert_eq!(places[120_000..].iter().map(|place| place.len()).collect::<Vec<_>>(), [100_000, 5]);
}

#[test]
fn ids_that_are_none_are_refused() {
    let model = load(&fixture("tiny-bert-mean")).unwrap();
    let error = model.detokenize(&[5, 4_000_000_000], &[1, 1]).unwrap_err();
    assert_eq!((error.code, error.text.unwrap().index), (ErrorCode::InvalidInput, 1));
    assert_eq!(model.detokenize(&[5], &[2]).unwrap_err().code, ErrorCode::InvalidInput);
    assert_eq!(model.detokenize(&[], &[0, 0]).unwrap(), ["", ""]);
    // A list that a client cut in the middle of a word.
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(fixture("tiny-bert-mean").join("tokenizer.json")).unwrap()).unwrap();
    let (piece, id) =
        json["model"]["vocab"].as_object().unwrap().iter().find(|(name, _)| name.starts_with("##")).unwrap();
    let spelled = model.detokenize(&[id.as_u64().unwrap() as u32], &[1]).unwrap();
    assert_eq!(spelled, [piece.strip_prefix("##").unwrap()]);
}
