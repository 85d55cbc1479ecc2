//! What the integration tests share: fixtures, doctored copies of them, comparisons.
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_embed::{EmbedOptions, Embedder, Embeddings, Error, ErrorCode, LoadOptions, ModelInfo, OutputData, Prompt};
use serde_json::Value;

/// A file or folder of `test/fixtures`; `CANDLE_EMBED_ROOT` names the folder that the tests were carried to.
pub fn fixture(name: &str) -> PathBuf {
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::var_os("CANDLE_EMBED_ROOT").map_or_else(built, PathBuf::from).join("test/fixtures").join(name)
}

/// The folders that have reference vectors.
pub fn tiny_models() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(fixture(""))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".expected.json").map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// One way of embedding that sentence-transformers' vectors are there for.
pub struct Case {
    pub options: EmbedOptions,
    pub vectors: Vec<Vec<f32>>,
    /// The prompt's name, or null.
    pub prompt: Value,
    /// The tokens of each text.
    pub tokens: Vec<u64>,
}

/// The cases of a folder's reference file.
pub fn cases(expected: &Value, info: &ModelInfo) -> Vec<Case> {
    let cases = expected["cases"].as_array().unwrap().iter().filter_map(|case| {
        let dimensions = case["dimensions"].as_u64().unwrap() as usize;
        let cut = dimensions < info.dimensions;
        let renormalized = case["renormalized"].as_bool().unwrap_or(false);
        if cut && !renormalized && info.normalized {
            return None; // Cut after the Normalize module and left short: not offered.
        }
        let options = EmbedOptions {
            prompt: case["prompt_name"].as_str().map_or(Prompt::Default, |name| Prompt::Named(name.to_owned())),
            dimensions: Some(dimensions),
            cut_without_matryoshka: true,
            // sentence-transformers leaves a cut vector as it is unless asked to normalise it.
            normalize: cut.then_some(renormalized),
            ..EmbedOptions::default()
        };
        let vectors = case["vectors"].as_array().unwrap().iter().map(floats).collect();
        let tokens = case["tokens"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect();
        Some(Case { options, vectors, prompt: case["prompt_name"].clone(), tokens })
    });
    cases.collect()
}

fn floats(row: &Value) -> Vec<f32> {
    row.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
}

pub fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

pub fn load(folder: &Path) -> Result<Arc<Embedder>, Error> {
    load_with(folder, &LoadOptions::default())
}

pub fn load_with(folder: &Path, options: &LoadOptions) -> Result<Arc<Embedder>, Error> {
    Embedder::load(folder, options).map(Arc::new)
}

/// The error of loading `copy`, which must have `code` and mention `part`.
pub fn expect(copy: &Copy, code: ErrorCode, part: &str) {
    let error = load(copy.path()).err().unwrap_or_else(|| panic!("it loads; expected {code:?} about {part}"));
    assert_eq!(error.code, code, "{error}");
    assert!(error.message.contains(part), "{error} does not mention {part}");
}

pub fn embed(model: &Arc<Embedder>, texts: &[String]) -> Embeddings {
    model.embed(texts.to_vec(), &EmbedOptions::default()).unwrap()
}

/// The rows of a float32 result.
pub fn rows(embeddings: &Embeddings) -> Vec<&[f32]> {
    match &embeddings.data {
        OutputData::Float32(data) => data.chunks_exact(embeddings.dimensions).collect(),
        other => panic!("expected float32, got {other:?}"),
    }
}

pub fn max_difference(left: &[f32], right: &[f32]) -> f32 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max)
}

pub fn cosine(left: &[f32], right: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum() };
    (dot(left, right) / (dot(left, left) * dot(right, right)).sqrt()) as f32
}

/// The texts of `texts.json` by name.
pub fn texts() -> Vec<(String, String)> {
    let texts = read_json(&fixture("texts.json"));
    let entry = |text: &Value| (string(&text["name"]), string(&text["text"]));
    texts.as_array().unwrap().iter().map(entry).collect()
}

pub fn string(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The folder of float32 weights that `scripts/get-test-weights.mjs` fetches, if it is there.
pub fn float32_weights() -> Option<PathBuf> {
    let cache =
        std::env::var_os("CANDLE_EMBED_TEST_CACHE").map_or_else(|| fixture("../../.cache/test-weights"), PathBuf::from);
    Some(cache.join("all-MiniLM-L6-v2")).filter(|folder| folder.join("model.safetensors").is_file())
}

/// Sets one number in the middle of tensor `name`.
pub fn poison(folder: &Path, name: &str, value: f32) {
    let path = folder.join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let data = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..data]).unwrap();
    let offset = |at: usize| header[name]["data_offsets"][at].as_u64().unwrap() as usize;
    let middle = data + offset(0) + (offset(1) - offset(0)) / 8 * 4;
    bytes[middle..middle + 4].copy_from_slice(&value.to_le_bytes());
    fs::write(path, bytes).unwrap();
}

/// A copy of a fixture that a test may damage.
pub struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    pub fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(&fixture(name), folder.path());
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path().join(name), bytes).unwrap();
        self
    }

    pub fn remove(&self, name: &str) -> &Self {
        fs::remove_file(self.path().join(name)).unwrap();
        self
    }

    /// Sets a key of a JSON file.
    pub fn set(&self, name: &str, key: &str, value: Value) -> &Self {
        let path = self.path().join(name);
        let mut json = read_json(&path);
        json[key] = value;
        self.write(name, json.to_string())
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
