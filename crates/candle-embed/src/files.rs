//! Where the files of a model are read from: a folder of the disk, or memory where there is no disk (WebAssembly).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorCode, Result};

/// Largest configuration that is read. A tokenizer_config.json that lists thousands of added tokens has more than 1 MB; parsed,
/// numbers take 16 times the memory of the file.
pub(crate) const MAX_JSON_BYTES: u64 = 4 << 20;

/// Largest tokenizer.json that is read: XLM-R's has 17 MB, those of vocabularies of 256,000 tokens twice that.
pub(crate) const MAX_TOKENIZER_BYTES: u64 = 64 << 20;

/// Largest list of shards that is read: 100,000 tensors.
pub(crate) const MAX_INDEX_BYTES: u64 = 16 << 20;

/// The files of a model in memory, by their paths in its folder (`"1_Pooling/config.json"`).
#[derive(Debug, Clone, Default)]
pub struct ModelFiles(BTreeMap<PathBuf, Arc<Vec<u8>>>);

impl ModelFiles {
    /// Adds a file, or replaces the one of that name.
    pub fn insert(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.insert(PathBuf::from(name), Arc::new(bytes));
    }
}

/// Reads the files of one model.
#[derive(Debug, Clone)]
pub(crate) enum Files {
    /// Paths are those of the disk.
    Disk,
    /// Paths are relative to the model's folder, which is the empty path.
    Memory(ModelFiles),
}

/// The bytes of a file of weights.
#[derive(Debug)]
pub(crate) enum FileBytes {
    Mapped(Mmap),
    Held(Arc<Vec<u8>>),
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Held(bytes) => bytes,
        }
    }
}

impl Files {
    /// Whether there is a folder at `path`.
    pub fn is_folder(&self, path: &Path) -> bool {
        match self {
            Self::Disk => path.is_dir(),
            Self::Memory(files) => files.0.keys().any(|name| name.starts_with(path)),
        }
    }

    /// Whether there is a file at `path`.
    pub fn is_file(&self, path: &Path) -> bool {
        match self {
            Self::Disk => path.is_file(),
            Self::Memory(files) => files.0.contains_key(path),
        }
    }

    /// The bytes of a file that has `most` at most.
    pub fn read(&self, path: &Path, most: u64) -> Result<Vec<u8>> {
        let too_large =
            |bytes: u64| Error::invalid_model(format!("{} has {bytes} bytes; at most {most} are read", path.display()));
        let failed = |error: std::io::Error| {
            let code = match error.kind() {
                std::io::ErrorKind::NotFound => ErrorCode::ModelNotFound,
                _ => ErrorCode::ModelInvalid,
            };
            Error::new(code, format!("can't read {}: {error}", path.display()))
        };
        match self {
            Self::Disk => {
                // A device or a pipe has no size to go by, and may never end.
                let metadata = fs::metadata(path).map_err(failed)?;
                if !metadata.is_file() {
                    return Err(Error::invalid_model(format!("{} is not a file", path.display())));
                }
                if metadata.len() > most {
                    return Err(too_large(metadata.len()));
                }
                fs::read(path).map_err(failed)
            }
            Self::Memory(files) => match files.held(path)? {
                bytes if bytes.len() as u64 > most => Err(too_large(bytes.len() as u64)),
                bytes => Ok(bytes.to_vec()),
            },
        }
    }

    /// The parsed JSON of a configuration.
    pub fn json<T: DeserializeOwned>(&self, path: &Path) -> Result<T> {
        self.json_up_to(path, MAX_JSON_BYTES)
    }

    /// The same, where there is such a file.
    pub fn json_if_there<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>> {
        if self.is_file(path) { self.json(path).map(Some) } else { Ok(None) }
    }

    /// The parsed JSON of a file that has `most` bytes at most.
    pub fn json_up_to<T: DeserializeOwned>(&self, path: &Path, most: u64) -> Result<T> {
        serde_json::from_slice(&self.read(path, most)?)
            .map_err(|error| Error::invalid_model(format!("{} can't be read: {error}", path.display())))
    }

    /// The bytes of a file of weights, which may be larger than what is read: files of the disk are mapped.
    pub fn weights(&self, path: &Path) -> Result<FileBytes> {
        match self {
            Self::Disk => map(path).map(FileBytes::Mapped),
            Self::Memory(files) => files.held(path).cloned().map(FileBytes::Held),
        }
    }
}

impl ModelFiles {
    fn held(&self, path: &Path) -> Result<&Arc<Vec<u8>>> {
        self.0
            .get(path)
            .ok_or_else(|| Error::new(ErrorCode::ModelNotFound, format!("the model's files lack {}", path.display())))
    }
}

/// The error for a file of weights that can't be what it should be.
pub(crate) fn damaged(path: &Path, reason: &dyn std::fmt::Display) -> Error {
    Error::invalid_model(format!("{} is damaged ({reason}); get it again", path.display()))
}

fn map(path: &Path) -> Result<Mmap> {
    let damaged = |reason: &dyn std::fmt::Display| damaged(path, reason);
    if path.exists() && !path.is_file() {
        return Err(damaged(&"it is not a file"));
    }
    let file = File::open(path)
        .map_err(|error| Error::new(ErrorCode::ModelNotFound, format!("can't open {}: {error}", path.display())))?;
    // SAFETY: the mapping is read-only and private to this process. Another process that truncates the file while it is
    // mapped would end us with SIGBUS; the mapping lives only while the model loads.
    unsafe { Mmap::map(&file) }.map_err(|error| damaged(&error))
}
