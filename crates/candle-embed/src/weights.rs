//! Checked access to the tensors of a model folder.
//!
//! Files are mapped, not read: an executor copies each tensor once, into the layout it computes with, and the
//! mapping goes away with the [`Weights`].

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_embed_kernels::{Aligned, widen_f16, widen_i8};
use half::bf16;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::files::{FileBytes, Files, damaged};
use crate::hash::hex;

/// Suffix of the tensor that holds the row scales of an int8 matrix.
const SCALES_SUFFIX: &str = "_scale";

/// Suffixes of the tensors with the columns that an int8 matrix leaves out: their indices, and their float32 values.
const EXACT_COLUMNS_SUFFIX: &str = "_exact_columns";
const EXACT_VALUES_SUFFIX: &str = "_exact";

/// Key of the `__metadata__` entry that marks a file of int8 weights. One entry with JSON inside, because the entries
/// of that map have no stable order.
const QUANTIZATION_KEY: &str = "candle_embed_quantization";

/// Largest header of a file of weights: 60,000 tensors, more than the deepest model that is read has. Parsed, a header takes
/// some 17 times its size, and 0.2 s a megabyte.
const MAX_HEADER_BYTES: u64 = 8 << 20;

/// What a file of int8 weights says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Quantization {
    /// [`Quantization::SCHEME`].
    pub scheme: String,
    /// SHA-256 of the float weights it was made from: they approximate the same vector space.
    pub source_sha256: String,
}

impl Quantization {
    /// The one scheme there is: each row of a matrix is `i8 * f32 scale`, rows being output channels or table entries;
    /// a few columns may be kept in float32 beside it, and are zero in the int8 values.
    pub const SCHEME: &str = "int8-symmetric-per-row";

    /// The `__metadata__` of a safetensors file of this scheme.
    pub fn to_metadata(&self) -> Result<HashMap<String, String>> {
        let json = serde_json::to_string(self).map_err(Error::internal)?;
        Ok(HashMap::from([(QUANTIZATION_KEY.to_owned(), json)]))
    }

    /// Name of the tensor with the row scales of matrix `name`: float32 `[rows]`.
    pub fn scales_name(name: &str) -> String {
        format!("{name}{SCALES_SUFFIX}")
    }

    /// Name of the tensor with the indices of the exact columns of matrix `name`: int32 `[n]`.
    pub fn exact_columns_name(name: &str) -> String {
        format!("{name}{EXACT_COLUMNS_SUFFIX}")
    }

    /// Name of the tensor with the values of the exact columns of matrix `name`: float32 `[n, rows]`.
    pub fn exact_values_name(name: &str) -> String {
        format!("{name}{EXACT_VALUES_SUFFIX}")
    }
}

/// A matrix as it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Matrix<'a> {
    /// float32, float16, bfloat16 or float64 values, little-endian.
    Float { dtype: Dtype, bytes: &'a [u8], columns: usize },
    /// int8 values.
    Int8(Int8Matrix<'a>),
}

/// int8 values and one scale a row (little-endian float32).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Int8Matrix<'a> {
    values: &'a [u8],
    scales: &'a [u8],
    columns: usize,
    pub exact: ExactColumns<'a>,
}

impl Int8Matrix<'_> {
    /// The integers of row `index`; zero in the exact columns.
    pub fn row(&self, index: usize) -> impl Iterator<Item = i8> {
        self.values[index * self.columns..(index + 1) * self.columns].iter().map(|value| *value as i8)
    }

    /// What an integer of row `index` is multiplied by.
    pub fn scale(&self, index: usize) -> f32 {
        float(&self.scales[index * 4..][..4])
    }

    /// Writes row `index` as float32.
    fn read_row(&self, index: usize, row: &mut [f32]) {
        let stored = &self.values[index * self.columns..][..self.columns];
        widen_i8(stored, self.scale(index), row);
        for (at, column) in self.exact.indices.chunks_exact(4).enumerate() {
            row[int(column) as usize] = self.exact.value(at, index);
        }
    }
}

/// Columns of an int8 matrix that are kept in float32.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ExactColumns<'a> {
    /// Little-endian int32, checked to be columns of the matrix.
    indices: &'a [u8],
    /// Little-endian float32, column after column.
    values: &'a [u8],
    rows: usize,
}

impl<'a> ExactColumns<'a> {
    /// Each column's index and its values from the first row to the last.
    pub fn columns(self) -> impl Iterator<Item = (usize, impl Iterator<Item = f32> + 'a)> {
        let values = self.values.chunks_exact((self.rows * 4).max(1));
        self.indices
            .chunks_exact(4)
            .zip(values)
            .map(|(index, values)| (int(index) as usize, values.chunks_exact(4).map(float)))
    }

    fn value(self, column: usize, row: usize) -> f32 {
        float(&self.values[(column * self.rows + row) * 4..][..4])
    }
}

fn int(bytes: &[u8]) -> i32 {
    i32::from_le_bytes(bytes.try_into().expect("four bytes"))
}

fn float(bytes: &[u8]) -> f32 {
    f32::from_le_bytes(bytes.try_into().expect("four bytes"))
}

impl Matrix<'_> {
    /// Writes row `index` as float32.
    pub fn read_row(&self, index: usize, row: &mut [f32]) {
        match *self {
            Self::Float { dtype, bytes, columns } => {
                let size = dtype.bitsize() / 8;
                widen(dtype, &bytes[index * columns * size..(index + 1) * columns * size], row);
            }
            Self::Int8(matrix) => matrix.read_row(index, row),
        }
    }

    /// A copy that outlives the mapping.
    pub fn to_table(self) -> Result<Table> {
        match self {
            Self::Float { dtype, bytes, columns } => Ok(Table::Float { dtype, bytes: copy(bytes), columns }),
            Self::Int8(Int8Matrix { values, scales, columns, exact }) if exact.indices.is_empty() => {
                Ok(Table::Int8 { values: copy(values), scales: copy(scales), columns })
            }
            Self::Int8(_) => Err(Error::invalid_model("an embedding table has exact columns")),
        }
    }
}

/// A table of embeddings, as it is stored, in memory of its own: a file that is replaced or cut while a model is in use
/// can't hurt it. Tables have no exact columns.
pub(crate) enum Table {
    /// See [`Matrix::Float`].
    Float { dtype: Dtype, bytes: Aligned<u8>, columns: usize },
    /// See [`Matrix::Int8`].
    Int8 { values: Aligned<u8>, scales: Aligned<u8>, columns: usize },
}

fn copy(bytes: &[u8]) -> Aligned<u8> {
    Aligned::padded(bytes, bytes.len())
}

impl Table {
    /// Writes row `index` as float32.
    pub fn read_row(&self, index: usize, row: &mut [f32]) {
        let matrix = match self {
            Self::Float { dtype, bytes, columns } => Matrix::Float { dtype: *dtype, bytes, columns: *columns },
            Self::Int8 { values, scales, columns } => {
                Matrix::Int8(Int8Matrix { values, scales, columns: *columns, exact: ExactColumns::default() })
            }
        };
        matrix.read_row(index, row);
    }
}

/// Little-endian `dtype` values as float32.
fn widen(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::F32 => {
            for (out, chunk) in out.iter_mut().zip(bytes.chunks_exact(4)) {
                *out = float(chunk);
            }
        }
        Dtype::F16 => widen_f16(bytes, out),
        Dtype::BF16 => {
            for (out, chunk) in out.iter_mut().zip(bytes.chunks_exact(2)) {
                *out = bf16::from_le_bytes(chunk.try_into().expect("two bytes")).to_f32();
            }
        }
        Dtype::F64 => {
            for (out, chunk) in out.iter_mut().zip(bytes.chunks_exact(8)) {
                *out = f64::from_le_bytes(chunk.try_into().expect("eight bytes")) as f32;
            }
        }
        _ => unreachable!("Weights::tensor lets only these through"),
    }
}

/// Refuses infinities and NaN: kernels take minima and maxima, in which a NaN can disappear. About 10 ms for 50 MB.
fn check_finite(name: &str, dtype: Dtype, bytes: &[u8]) -> Result<()> {
    // All bits of the exponent are set.
    let damaged = match dtype {
        Dtype::F32 => bytes.chunks_exact(4).fold(false, |any, b| {
            any | (u32::from_le_bytes(b.try_into().expect("four bytes")) & 0x7f80_0000 == 0x7f80_0000)
        }),
        Dtype::F16 => {
            bytes.chunks_exact(2).fold(false, |any, b| any | (u16::from_le_bytes([b[0], b[1]]) & 0x7c00 == 0x7c00))
        }
        // Beyond the largest float32 is as bad.
        Dtype::F64 => {
            bytes.chunks_exact(8).any(|b| !(f64::from_le_bytes(b.try_into().expect("eight bytes")) as f32).is_finite())
        }
        _ => bytes.chunks_exact(2).fold(false, |any, b| any | (u16::from_le_bytes([b[0], b[1]]) & 0x7f80 == 0x7f80)),
    };
    if damaged {
        return Err(Error::invalid_model(format!(
            "tensor {name} has numbers that are not finite; the weights are damaged"
        )));
    }
    Ok(())
}

fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64)
}

#[derive(Debug)]
struct TensorEntry {
    file: usize,
    dtype: Dtype,
    shape: Vec<usize>,
    range: std::ops::Range<usize>,
}

/// The tensors of one or more safetensors files.
#[derive(Debug)]
pub(crate) struct Weights {
    files: Vec<(PathBuf, FileBytes)>,
    tensors: HashMap<String, TensorEntry>,
    quantization: Option<Quantization>,
}

impl Weights {
    /// Opens `paths` and checks their headers: sizes, offsets, overlaps, names.
    pub fn open(files: &Files, paths: &[PathBuf]) -> Result<Self> {
        let mut weights = Self { files: Vec::new(), tensors: HashMap::new(), quantization: None };
        for path in paths {
            weights.add_bytes(path, files.weights(path)?)?;
        }
        Ok(weights)
    }

    /// The same for a file that was made and not written; `path` is for messages.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        let mut weights = Self { files: Vec::new(), tensors: HashMap::new(), quantization: None };
        weights.add_bytes(path, FileBytes::Held(Arc::new(bytes)))?;
        Ok(weights)
    }

    fn add_bytes(&mut self, path: &Path, map: FileBytes) -> Result<()> {
        let damaged = |reason: &dyn std::fmt::Display| damaged(path, reason);
        if map.starts_with(b"version https://git-lfs.github.com/spec/") {
            let message = format!("{} is a pointer of Git LFS, not the file: git lfs pull", path.display());
            return Err(Error::invalid_model(message));
        }
        let header = map.first_chunk().map_or(0, |size| u64::from_le_bytes(*size));
        if header > MAX_HEADER_BYTES {
            return Err(damaged(&format!("its header has {header} bytes; at most {MAX_HEADER_BYTES} are read")));
        }
        let (header_size, metadata) = SafeTensors::read_metadata(&map).map_err(|error| damaged(&error))?;
        let data_start = header_size + 8;
        if map.len() - data_start != metadata.data_len() {
            return Err(damaged(&"its size does not match its header"));
        }
        if let Some(json) = metadata.metadata().as_ref().and_then(|entries| entries.get(QUANTIZATION_KEY)) {
            let quantization: Quantization = serde_json::from_str(json).map_err(|error| damaged(&error))?;
            let hash = &quantization.source_sha256;
            if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(damaged(&"the SHA-256 of its source is not one"));
            }
            if quantization.scheme != Quantization::SCHEME {
                return Err(Error::unsupported(format!(
                    "{} is quantised as {:?}; this version reads {:?}",
                    path.display(),
                    quantization.scheme,
                    Quantization::SCHEME
                )));
            }
            self.quantization = Some(quantization);
        }
        for (name, info) in metadata.tensors() {
            let entry = TensorEntry {
                file: self.files.len(),
                dtype: info.dtype,
                shape: info.shape.clone(),
                range: data_start + info.data_offsets.0..data_start + info.data_offsets.1,
            };
            if self.tensors.insert(name.clone(), entry).is_some() {
                return Err(damaged(&format!("tensor {name} is in two files")));
            }
        }
        self.files.push((path.to_owned(), map));
        Ok(())
    }

    /// The int8 scheme, where the weights are quantised.
    pub fn quantization(&self) -> Option<&Quantization> {
        self.quantization.as_ref()
    }

    /// Whether there is a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The shape of tensor `name`.
    pub fn shape(&self, name: &str) -> Result<&[usize]> {
        Ok(&self.entry(name)?.shape)
    }

    /// The vector `name` of `length` integers, each below `limit`.
    pub fn indices(&self, name: &str, length: usize, limit: usize) -> Result<Vec<u32>> {
        let (dtype, bytes) = self.tensor(name, &[length])?;
        let values: Vec<i64> = match dtype {
            Dtype::I32 => bytes.chunks_exact(4).map(|value| i64::from(int(value))).collect(),
            Dtype::I64 => {
                bytes.chunks_exact(8).map(|value| i64::from_le_bytes(value.try_into().expect("eight bytes"))).collect()
            }
            _ => return Err(self.wrong_dtype(name, dtype)),
        };
        let checked =
            values.into_iter().map(|value| u32::try_from(value).ok().filter(|value| (*value as usize) < limit));
        checked.collect::<Option<_>>().ok_or_else(|| {
            Error::invalid_model(format!("tensor {name} names a row that is not there; there are {limit}"))
        })
    }

    /// The matrix `name`, which must be `rows` x `columns`.
    pub fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Matrix<'_>> {
        let (dtype, bytes) = self.tensor(name, &[rows, columns])?;
        if dtype == Dtype::I8 && self.quantization.is_some() {
            let scales_name = Quantization::scales_name(name);
            let scales = self.tensor_of(&scales_name, Dtype::F32, &[rows])?;
            check_finite(&scales_name, Dtype::F32, scales)?;
            let exact = self.exact_columns(name, rows, columns)?;
            return Ok(Matrix::Int8(Int8Matrix { values: bytes, scales, columns, exact }));
        }
        if is_float(dtype) {
            check_finite(name, dtype, bytes)?;
            return Ok(Matrix::Float { dtype, bytes, columns });
        }
        Err(self.wrong_dtype(name, dtype))
    }

    /// The numbers of [`Weights::matrix`] as float32, row after row.
    pub fn matrix_values(&self, name: &str, rows: usize, columns: usize) -> Result<Vec<f32>> {
        let matrix = self.matrix(name, rows, columns)?;
        let mut values = vec![0.0; rows * columns];
        values.chunks_exact_mut(columns).enumerate().for_each(|(index, row)| matrix.read_row(index, row));
        Ok(values)
    }

    fn exact_columns(&self, name: &str, rows: usize, columns: usize) -> Result<ExactColumns<'_>> {
        let indices_name = Quantization::exact_columns_name(name);
        if !self.tensors.contains_key(&indices_name) {
            return Ok(ExactColumns::default());
        }
        let count = self.entry(&indices_name)?.shape.first().copied().unwrap_or_default();
        let indices = self.tensor_of(&indices_name, Dtype::I32, &[count])?;
        if indices.chunks_exact(4).any(|index| usize::try_from(int(index)).map_or(true, |index| index >= columns)) {
            return Err(Error::invalid_model(format!("tensor {indices_name} names a column that is not there")));
        }
        let values_name = Quantization::exact_values_name(name);
        let values = self.tensor_of(&values_name, Dtype::F32, &[count, rows])?;
        check_finite(&values_name, Dtype::F32, values)?;
        Ok(ExactColumns { indices, values, rows })
    }

    /// The vector `name` of `length` components as float32.
    pub fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>> {
        let (dtype, bytes) = self.tensor(name, &[length])?;
        if !is_float(dtype) {
            return Err(self.wrong_dtype(name, dtype));
        }
        check_finite(name, dtype, bytes)?;
        let mut values = vec![0.0; length];
        widen(dtype, bytes, &mut values);
        Ok(values)
    }

    /// SHA-256 of the float weights: over the files, or what quantised ones say of their source. The vector space goes by it.
    pub fn sha256(&self) -> String {
        self.quantization
            .as_ref()
            .map_or_else(|| self.files_sha256(), |quantization| quantization.source_sha256.clone())
    }

    /// SHA-256 over the files as they are; several hash to the hash of their hashes. Reads every byte: about 0.6 s a
    /// gigabyte with SHA instructions.
    pub fn files_sha256(&self) -> String {
        let mut hashes = self.files.iter().map(|(_, map)| Sha256::digest(&**map));
        match (hashes.next(), self.files.len()) {
            (Some(only), 1) => hex(&only),
            (first, _) => {
                let mut all = Sha256::new();
                first.into_iter().chain(hashes).for_each(|hash| all.update(hash));
                hex(&all.finalize())
            }
        }
    }

    /// Bytes of all files together.
    pub fn byte_length(&self) -> u64 {
        self.files.iter().map(|(_, map)| map.len() as u64).sum()
    }

    fn tensor_of(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<&[u8]> {
        match self.tensor(name, shape)? {
            (stored, bytes) if stored == dtype => Ok(bytes),
            (stored, _) => Err(self.wrong_dtype(name, stored)),
        }
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<(Dtype, &[u8])> {
        let entry = self.entry(name)?;
        if entry.shape != shape {
            return Err(Error::invalid_model(format!(
                "tensor {name} has shape {:?}, but config.json asks for {shape:?}",
                entry.shape
            )));
        }
        Ok((entry.dtype, &self.files[entry.file].1[entry.range.clone()]))
    }

    fn entry(&self, name: &str) -> Result<&TensorEntry> {
        self.tensors
            .get(name)
            .ok_or_else(|| Error::invalid_model(format!("the weights ({}) lack tensor {name}", self.file_names())))
    }

    fn wrong_dtype(&self, name: &str, dtype: Dtype) -> Error {
        Error::unsupported(format!(
            "tensor {name} of {} is stored as {dtype:?}; float16, bfloat16, float32, float64 and int8 written by \
             `candle-embed quantize` can be read",
            self.file_names()
        ))
    }

    fn file_names(&self) -> String {
        let names: Vec<_> = self.files.iter().map(|(path, _)| path.display().to_string()).collect();
        names.join(", ")
    }
}
