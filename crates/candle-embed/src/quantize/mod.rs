//! Writes an int8 copy of a model folder.
//!
//! Embeddings of words and linear layers become int8 with one float32 scale a row: per table entry and per output channel.
//! A few columns of the linear layers stay float32 ([`calibrate`] says which and why).
//! The small tables of positions and segments become float16 (float32 where a number is beyond 65,504): their rows have outliers, and in int8 they alone cost
//! all-MiniLM-L6-v2 a sixth of its loss (cosine to float32 on short texts 0.99954 in place of 0.99960, on a Korean
//! sentence 0.9981 in place of 0.9992) to save 0.2 MB. Norms and biases stay float32, MPNet's bias by distance included.
//! Tensors that the encoder does not use (the pooler of a BERT checkpoint) are left out. The same input gives the same
//! bytes.

mod calibrate;
mod rows;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use half::f16;
use safetensors::tensor::{Dtype, View, serialize};

use crate::error::{Error, ErrorCode, Result};
use crate::executor::LinearInput;
use crate::files::Files;
use crate::folder::{ModelFolder, TOKENIZER_FILE, TRANSFORMER_CONFIGS, WEIGHTS_FILE};
use crate::pooling::PoolingMode;
use crate::source::Source;
use crate::spec::{EncoderSpec, MatrixShape, ModelSpec, StaticSpec, TableSpec};
use crate::threads::thread_count;
use crate::tokenization::TextTokenizer;
use crate::weights::{Quantization, Weights};
use calibrate::exact_columns;
use rows::quantize_rows;

/// Files of a folder that decide the vectors.
const COPIED: [&str; 2] = ["config_sentence_transformers.json", "modules.json"];

/// Files beside the network's weights that decide the vectors, besides [`TRANSFORMER_CONFIGS`].
const NETWORK_FILES: [&str; 3] = ["config.json", TOKENIZER_FILE, "tokenizer_config.json"];

/// What [`quantize_model`] did.
#[derive(Debug, Clone)]
pub struct QuantizeReport {
    /// Bytes of the source's weights.
    pub bytes_before: u64,
    /// Bytes of the weights written.
    pub bytes_after: u64,
    /// Matrices that became int8.
    pub matrices: usize,
    /// SHA-256 of the source's weights.
    pub source_sha256: String,
}

/// Writes an int8 copy of the model folder `source` to the folder `target`, which is made where it is absent.
///
/// Old weights in `target` go first and the new ones come last, so that a run that was stopped leaves no folder that
/// loads. `pooling` is for a source that does not say how it pools.
///
/// # Errors
///
/// Those of [`Embedder::load`](crate::Embedder::load) for the source; `INVALID_INPUT` where the source is quantised
/// already, the target is the source or lies within it, or can't be written.
pub fn quantize_model(source: &Path, target: &Path, pooling: Option<PoolingMode>) -> Result<QuantizeReport> {
    let (read, weights) = Source::read(Files::Disk, source, pooling)?;
    let inner = check_folders(source, &read.folder, target)?;
    if weights.quantization().is_some() {
        return Err(Error::invalid_input(format!("{} is quantised already", source.display())));
    }
    let quantized = quantize(&read.spec, &weights, &read.tokenizer()?, thread_count(None)?)?;
    copy_files(source, &read.folder, target, &inner)?;
    write_at_once(&target.join(inner).join(WEIGHTS_FILE), &quantized.bytes)?;
    Ok(QuantizeReport {
        bytes_before: weights.byte_length(),
        bytes_after: quantized.bytes.len() as u64,
        matrices: quantized.matrices,
        source_sha256: quantized.source_sha256,
    })
}

/// The weights of the file that [`quantize_model`] would write for `source`, whose tokenizer and weights these are; computed
/// with `threads` threads.
pub(crate) fn quantized(
    source: &Source,
    weights: &Weights,
    tokenizer: &TextTokenizer,
    threads: usize,
) -> Result<Weights> {
    Weights::from_bytes(
        &source.folder.path.join(WEIGHTS_FILE),
        quantize(&source.spec, weights, tokenizer, threads)?.bytes,
    )
}

/// A safetensors file of int8 weights.
struct QuantizedFile {
    bytes: Vec<u8>,
    matrices: usize,
    source_sha256: String,
}

fn quantize(spec: &ModelSpec, weights: &Weights, tokenizer: &TextTokenizer, threads: usize) -> Result<QuantizedFile> {
    let mut writer = TensorWriter { weights, tensors: Vec::new(), matrices: 0 };
    match spec {
        ModelSpec::Encoder(encoder) => {
            quantize_encoder(&mut writer, encoder, &exact_columns(encoder, weights, tokenizer, threads)?)?;
        }
        ModelSpec::Static(table) => quantize_static(&mut writer, table)?,
    }
    let TensorWriter { tensors, matrices, .. } = writer;
    let source_sha256 = weights.sha256();
    let quantization = Quantization { scheme: Quantization::SCHEME.to_owned(), source_sha256: source_sha256.clone() };
    let bytes = serialize(tensors, Some(quantization.to_metadata()?)).map_err(Error::internal)?;
    Ok(QuantizedFile { bytes, matrices, source_sha256 })
}

fn quantize_encoder(
    writer: &mut TensorWriter<'_>,
    spec: &EncoderSpec,
    exact: &HashMap<(usize, LinearInput), Vec<usize>>,
) -> Result<()> {
    writer.int8(spec.word_table(), &[])?;
    for (index, layer) in spec.layers.iter().enumerate() {
        let columns = |input| exact.get(&(index, input)).map_or(&[][..], Vec::as_slice);
        for linear in &layer.query_key_value {
            writer.int8(linear.matrix(), columns(LinearInput::QueryKeyValue))?;
        }
        // The attention's output has no outliers: exact columns gain nothing there.
        writer.int8(layer.attention_output.matrix(), &[])?;
        for linear in &layer.up {
            writer.int8(linear.matrix(), columns(LinearInput::Up))?;
        }
        writer.int8(layer.down.matrix(), columns(LinearInput::Down))?;
    }
    for table in spec.small_tables() {
        writer.half(table)?;
    }
    if let Some(bias) = &spec.distance_bias {
        writer.float_matrix((&bias.weight, bias.buckets, spec.heads))?;
    }
    for (name, length) in spec.vectors() {
        writer.float(name, vec![length], &writer.weights.vector(name, length)?);
    }
    Ok(())
}

fn quantize_static(writer: &mut TensorWriter<'_>, spec: &StaticSpec) -> Result<()> {
    let TableSpec { weight, rows } = &spec.table;
    writer.int8((weight, *rows, spec.hidden_size), &[])?;
    if let Some((name, length)) = &spec.mapping {
        let indices = writer.weights.indices(name, *length, *rows)?;
        writer.indices(name, indices.into_iter().map(|index| index as i32));
    }
    if let Some(name) = &spec.weights {
        let length = spec.mapping.as_ref().map_or(*rows, |(_, length)| *length);
        writer.float(name, vec![length], &writer.weights.vector(name, length)?);
    }
    Ok(())
}

/// Writes a file under another name first: whoever reads `path` sees the old bytes or the new ones.
fn write_at_once(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = path.with_extension(format!("{}.partial", process::id()));
    fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, path)).map_err(|error| {
        // What was written of it is of no use, and may be what fills the disk.
        let _ = fs::remove_file(&partial);
        cannot_write(path, &error)
    })
}

/// Refuses a target that is, or lies within, the source. Gives the path from the source to the network's own folder.
fn check_folders(source: &Path, folder: &ModelFolder, target: &Path) -> Result<PathBuf> {
    fs::create_dir_all(target).map_err(|error| cannot_write(target, &error))?;
    let real = |path: &Path| fs::canonicalize(path).map_err(|error| cannot_write(path, &error));
    if real(target)?.starts_with(real(source)?) {
        return Err(Error::invalid_input("the target folder is the source folder or lies within it; give another one"));
    }
    folder.path.strip_prefix(source).map(Path::to_owned).map_err(Error::internal)
}

/// Copies the configuration, the tokenizer and the modules after the network; what the source lacks, the target loses.
fn copy_files(source: &Path, folder: &ModelFolder, target: &Path, inner: &Path) -> Result<()> {
    remove_if_there(&target.join(inner).join(WEIGHTS_FILE))?;
    for name in COPIED {
        copy_or_remove(&source.join(name), &target.join(name))?;
    }
    for name in NETWORK_FILES.iter().chain(&TRANSFORMER_CONFIGS) {
        copy_or_remove(&folder.path.join(name), &target.join(inner).join(name))?;
    }
    for module in folder.head.module_folders() {
        let inner = module.strip_prefix(source).map_err(Error::internal)?;
        for name in ["config.json", WEIGHTS_FILE] {
            copy_or_remove(&module.join(name), &target.join(inner).join(name))?;
        }
    }
    Ok(())
}

/// Never writes through a link in the target: it may lead back to the source.
fn copy_or_remove(from: &Path, to: &Path) -> Result<()> {
    if !from.is_file() {
        return remove_if_there(to);
    }
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
    // The weights of a dense module are among them, so only the disk's size is a limit.
    let bytes = fs::read(from)
        .map_err(|error| Error::new(ErrorCode::ModelInvalid, format!("can't read {}: {error}", from.display())))?;
    write_at_once(to, &bytes)
}

fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(cannot_write(path, &error)),
        _ => Ok(()),
    }
}

fn cannot_write(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorCode::InvalidInput, format!("can't write {}: {error}", path.display()))
}

/// The tensors of the new file, with their names.
struct TensorWriter<'a> {
    weights: &'a Weights,
    tensors: Vec<(String, Tensor)>,
    /// How many became int8.
    matrices: usize,
}

impl TensorWriter<'_> {
    fn float(&mut self, name: impl Into<String>, shape: Vec<usize>, values: &[f32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensors.push((name.into(), Tensor { dtype: Dtype::F32, shape, bytes }));
    }

    fn indices(&mut self, name: impl Into<String>, indices: impl ExactSizeIterator<Item = i32>) {
        let shape = vec![indices.len()];
        let bytes = indices.flat_map(i32::to_le_bytes).collect();
        self.tensors.push((name.into(), Tensor { dtype: Dtype::I32, shape, bytes }));
    }

    fn float_matrix(&mut self, (name, rows, columns): MatrixShape<'_>) -> Result<()> {
        let values = self.weights.matrix_values(name, rows, columns)?;
        self.float(name, vec![rows, columns], &values);
        Ok(())
    }

    /// As float16; as float32 where a number is beyond float16's largest, which would become infinite.
    fn half(&mut self, (name, rows, columns): MatrixShape<'_>) -> Result<()> {
        let values = self.weights.matrix_values(name, rows, columns)?;
        let halves: Vec<f16> = values.iter().map(|value| f16::from_f32(*value)).collect();
        if halves.iter().any(|half| half.is_infinite()) {
            self.float(name, vec![rows, columns], &values);
            return Ok(());
        }
        let bytes = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        self.tensors.push((name.to_owned(), Tensor { dtype: Dtype::F16, shape: vec![rows, columns], bytes }));
        Ok(())
    }

    fn int8(&mut self, (name, rows, columns): MatrixShape<'_>, exact: &[usize]) -> Result<()> {
        let matrix = self.weights.matrix(name, rows, columns)?;
        let quantized = quantize_rows(matrix, rows, columns, exact);
        self.float(Quantization::scales_name(name), vec![rows], &quantized.scales);
        if !exact.is_empty() {
            self.indices(Quantization::exact_columns_name(name), exact.iter().map(|column| *column as i32));
            self.float(Quantization::exact_values_name(name), vec![exact.len(), rows], &quantized.exact);
        }
        let values = Tensor { dtype: Dtype::I8, shape: vec![rows, columns], bytes: quantized.values };
        self.tensors.push((name.to_owned(), values));
        self.matrices += 1;
        Ok(())
    }
}

/// A tensor to be written.
struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}
