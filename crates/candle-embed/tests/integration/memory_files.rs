//! Models whose files are in memory: as loaded from the disk, to the bit.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use candle_embed::{DtypeChoice, Embedder, ErrorCode, LoadOptions, ModelFiles};

use crate::common::{embed, fixture, load_with, rows, texts};

/// All files of `folder`, those in its folders too.
fn files_of(folder: &Path) -> ModelFiles {
    fn add(files: &mut ModelFiles, folder: &Path, prefix: &str) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                add(files, &entry.path(), &format!("{name}/"));
            } else {
                files.insert(&name, fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut files = ModelFiles::default();
    add(&mut files, folder, "");
    files
}

#[test]
fn give_the_same_vectors_and_the_same_space() {
    let texts: Vec<String> = texts().into_iter().map(|(_, text)| text).collect();
    let folders = ["tiny-bert-dense", "tiny-bert-sharded", "tiny-model2vec", "tiny-static-nested", "tiny-mpnet"];
    for name in folders {
        for dtype in [DtypeChoice::Auto, DtypeChoice::Int8] {
            let options = LoadOptions { dtype, ..LoadOptions::default() };
            let from_disk = load_with(&fixture(name), &options).unwrap();
            let from_memory = Arc::new(Embedder::load_files(files_of(&fixture(name)), &options).unwrap());
            assert_eq!(from_memory.info().space_id, from_disk.info().space_id, "{name}");
            assert_eq!(rows(&embed(&from_memory, &texts)), rows(&embed(&from_disk, &texts)), "{name}");
        }
    }
}

#[test]
fn that_are_missing_are_named() {
    let files = |names: &[&str]| {
        let mut files = ModelFiles::default();
        for name in names {
            files.insert(name, fs::read(fixture("tiny-bert-mean").join(name)).unwrap());
        }
        files
    };
    let cases: [(&[&str], &str); 4] = [
        (&[], "folder"),
        (&["config.json"], "pool"),
        (&["config.json", "modules.json", "1_Pooling/config.json"], "model.safetensors"),
        (&["config.json", "modules.json", "1_Pooling/config.json", "model.safetensors"], "tokenizer.json"),
    ];
    for (names, missing) in cases {
        let error = Embedder::load_files(files(names), &LoadOptions::default()).err().unwrap();
        assert!(matches!(error.code, ErrorCode::ModelNotFound | ErrorCode::ModelInvalid), "{error:?}");
        assert!(error.message.contains(missing), "{error:?}");
    }
}
