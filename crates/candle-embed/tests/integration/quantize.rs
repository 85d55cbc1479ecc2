//! int8 copies of a folder: the same bytes each time, the same space, vectors close to the source's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::{Copy, cosine, embed, fixture, float32_weights, load, load_with, poison, rows, texts};
use candle_embed::{DtypeChoice, ErrorCode, LoadOptions, quantize_model};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde_json::json;

/// Every architecture, and every way to store weights.
const NAMES: [&str; 14] = [
    "tiny-bert-mean",
    "tiny-bert-dense",
    "tiny-bert-dot-prefix",
    "tiny-bert-sharded",
    "tiny-bert-f16",
    "tiny-roberta",
    "tiny-xlm-roberta",
    "tiny-mpnet",
    "tiny-distilbert",
    "tiny-nomic-bert",
    "tiny-modernbert",
    "tiny-static-nested",
    "tiny-model2vec",
    "tiny-model2vec-clusters",
];

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Tables of positions become float16, where this number would be infinite.
#[test]
fn positions_beyond_float16_stay_float32() {
    let copy = Copy::of("tiny-bert-mean");
    poison(copy.path(), "embeddings.position_embeddings.weight", 1e5);
    let target = tempfile::tempdir().unwrap();
    quantize_model(copy.path(), target.path(), None).unwrap();
    let options = LoadOptions { dtype: DtypeChoice::Int8, ..LoadOptions::default() };
    // Longer than half of the table.
    let texts = ["the river and the stone ".repeat(10)];
    let exact = embed(&load(copy.path()).unwrap(), &texts);
    for model in [load(target.path()).unwrap(), load_with(copy.path(), &options).unwrap()] {
        assert!(cosine(rows(&embed(&model, &texts))[0], rows(&exact)[0]) > 0.99);
    }
}

#[test]
fn the_same_bytes_each_time_and_the_same_space() {
    for name in NAMES {
        let target = tempfile::tempdir().unwrap();
        let (first, second) = (target.path().join("first"), target.path().join("second"));
        quantize_model(&fixture(name), &first, None).unwrap();
        quantize_model(&fixture(name), &second, None).unwrap();
        quantize_model(&fixture(name), &second, None).unwrap();
        assert_eq!(files(&first), files(&second), "{name}");
        let (source, quantized) = (load(&fixture(name)).unwrap(), load(&first).unwrap());
        assert_eq!(quantized.info().dtype, "int8");
        assert_eq!(quantized.info().space_id, source.info().space_id, "{name}");
        let texts: Vec<String> = texts().into_iter().map(|(_, text)| text).collect();
        let (exact, close) = (embed(&source, &texts), embed(&quantized, &texts));
        for (exact, close) in rows(&exact).iter().zip(rows(&close)) {
            // A text without a known word has no direction.
            let zeros = exact.iter().all(|value| *value == 0.0);
            assert!(if zeros { exact == &close } else { cosine(exact, close) > 0.99 }, "{name}");
        }
    }
}

/// Asked for by the dtype alone, int8 weights are made at load: the vectors of a quantised folder, to the bit.
#[test]
fn int8_of_a_float_folder_at_load() {
    let options = LoadOptions { dtype: "int8".parse().unwrap(), ..LoadOptions::default() };
    for name in NAMES {
        let target = tempfile::tempdir().unwrap();
        quantize_model(&fixture(name), target.path(), None).unwrap();
        let (stored, made) = (load(target.path()).unwrap(), load_with(&fixture(name), &options).unwrap());
        assert_eq!((made.info().dtype.as_str(), &made.info().space_id), ("int8", &stored.info().space_id));
        let texts: Vec<String> = texts().into_iter().map(|(_, text)| text).collect();
        assert_eq!(rows(&embed(&made, &texts)), rows(&embed(&stored, &texts)), "{name}");
    }
}

#[test]
fn the_embedded_model_is_what_quantize_makes_of_its_source() {
    let Some(source) = float32_weights() else { return };
    let target = tempfile::tempdir().unwrap();
    let report = quantize_model(&source, target.path(), None).unwrap();
    let embedded = files(&fixture("../../models/all-MiniLM-L6-v2"));
    for (name, bytes) in files(target.path()) {
        assert!(embedded.get(&name) == Some(&bytes), "{name} differs");
    }
    assert_eq!(report.bytes_after, embedded["model.safetensors"].len() as u64);
    assert!(embedded.values().map(Vec::len).sum::<usize>() < 24_000_000);
}

#[test]
fn what_can_not_be_quantized() {
    let target = tempfile::tempdir().unwrap();
    let code = |source: &Path, target: &Path| quantize_model(source, target, None).unwrap_err().code;
    assert_eq!(code(Path::new("/nowhere"), target.path()), ErrorCode::ModelNotFound);
    let copy = Copy::of("tiny-bert-mean");
    assert_eq!(code(copy.path(), copy.path()), ErrorCode::InvalidInput);
    assert_eq!(code(copy.path(), &copy.path().join("1_Pooling")), ErrorCode::InvalidInput);
    let file = copy.path().join("config.json");
    assert_eq!(code(copy.path(), &file.join("below-a-file")), ErrorCode::InvalidInput);
    quantize_model(copy.path(), target.path(), None).unwrap();
    let again = tempfile::tempdir().unwrap();
    assert_eq!(code(target.path(), again.path()), ErrorCode::InvalidInput);
}

/// `cp -rs` makes such a folder; writing through its links would empty the source.
#[cfg(unix)]
#[test]
fn links_in_the_target_do_not_lead_back_to_the_source() {
    let (source, target) = (Copy::of("tiny-bert-mean"), tempfile::tempdir().unwrap());
    let before = files(source.path());
    for name in before.keys() {
        let link = target.path().join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(source.path().join(name), link).unwrap();
    }
    quantize_model(source.path(), target.path(), None).unwrap();
    assert_eq!(files(source.path()), before);
    assert_eq!(load(target.path()).unwrap().info().dtype, "int8");
}

#[test]
fn a_target_takes_over_all_that_decides_the_vectors() {
    let source = Copy::of("tiny-bert-mean");
    source.remove("sentence_bert_config.json").write("sentence_roberta_config.json", "{\"max_seq_length\": 9}");
    source.remove("config_sentence_transformers.json");
    let target = Copy::of("tiny-bert-cls");
    quantize_model(source.path(), target.path(), None).unwrap();
    let (source, target) = (load(source.path()).unwrap(), load(target.path()).unwrap());
    assert_eq!(target.info().space_id, source.info().space_id);
    assert_eq!((target.info().max_tokens, target.info().prompts.len()), (9, 0));
}

#[test]
fn a_source_that_leaves_pooling_open() {
    let (source, target) = (Copy::of("tiny-bert-mean"), tempfile::tempdir().unwrap());
    source.remove("modules.json");
    let mean = Some("mean".parse().unwrap());
    assert_eq!(quantize_model(source.path(), target.path(), None).unwrap_err().code, ErrorCode::ModelInvalid);
    quantize_model(source.path(), target.path(), mean).unwrap();
    let options = LoadOptions { pooling: mean, ..LoadOptions::default() };
    assert_eq!(load_with(target.path(), &options).unwrap().info().dtype, "int8");
}

/// 65,793 products of bytes are as many as an i32 holds; the float weights can be used.
#[test]
fn a_layer_too_wide_for_int8_is_refused() {
    let wide = 65_794;
    let copy = Copy::of("tiny-bert-mean");
    copy.set("config.json", "intermediate_size", json!(wide));
    let path = copy.path().join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let weights = SafeTensors::deserialize(&bytes).unwrap();
    let zeros = vec![0; 4 * 32 * wide];
    let tensors: Vec<_> = weights
        .tensors()
        .into_iter()
        .map(|(name, tensor)| {
            let shape: Vec<usize> = tensor.shape().iter().map(|&n| if n == 64 { wide } else { n }).collect();
            let is_wide =
                name.contains(".intermediate.") || name.ends_with("output.dense.weight") && shape.contains(&wide);
            if !is_wide {
                return (name, tensor);
            }
            let bytes = 4 * shape.iter().product::<usize>();
            (name, TensorView::new(Dtype::F32, shape, &zeros[..bytes]).unwrap())
        })
        .collect();
    copy.write("model.safetensors", serialize(tensors, None).unwrap());
    assert!(load(copy.path()).is_ok());
    let options = LoadOptions { dtype: "int8".parse().unwrap(), ..LoadOptions::default() };
    let error = load_with(copy.path(), &options).err().unwrap();
    assert_eq!(error.code, ErrorCode::UnsupportedArchitecture, "{error}");
    assert!(error.message.contains("65794 inputs"), "{error}");
}
