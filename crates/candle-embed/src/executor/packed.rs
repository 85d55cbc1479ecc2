//! The encoder on the kernels of `candle-embed-kernels`: the product on CPUs.
//!
//! Weights are packed once, straight from the mapped file; the word embeddings stay as they are stored.

use candle_embed_kernels::{
    Activation as KernelActivation, Attention, Encoder, EncoderLayer, EncoderParts, Ends, ExactColumn, Isa, LayerNorm,
    Linear, LinearError, MAX_EXACT_COLUMNS, ThreadPool,
};

use super::{Executor, Finish, PackedTokens};
use crate::error::{Error, Result};
use crate::fault;
use crate::spec::{Activation, EncoderSpec, LayerSpec, LinearSpec, NormSpec, TableSpec};
use crate::weights::{Int8Matrix, Matrix, Table, Weights};

/// An encoder with packed weights.
pub(crate) struct PackedExecutor {
    encoder: Encoder,
    words: Table,
    /// Position embeddings with the embedding of segment 0 added, `[positions, hidden]`.
    positions: Vec<f32>,
}

impl PackedExecutor {
    /// Packs the tensors that `spec` names; `int8` computes with the stored int8 weights, otherwise they are widened.
    pub fn new(spec: &EncoderSpec, weights: &Weights, int8: bool) -> Result<Self> {
        let packer = Packer { weights, spec, isa: Isa::detect(), int8 };
        let head_size = spec.hidden_size / spec.heads;
        let parts = EncoderParts {
            embedding_norm: Some(packer.norm(&spec.embeddings.norm)?),
            attention: Attention::new(packer.isa, spec.heads, head_size, None).map_err(mismatch)?,
            activation: match spec.activation {
                Activation::GeluErf => KernelActivation::Gelu,
                Activation::GeluTanh => KernelActivation::GeluTanh,
                Activation::Relu => KernelActivation::Relu,
            },
            layers: spec.layers.iter().map(|layer| packer.layer(layer)).collect::<Result<_>>()?,
        };
        Ok(Self {
            encoder: Encoder::new(parts).map_err(mismatch)?,
            words: packer.table(&spec.embeddings.word)?.to_table()?,
            positions: packer.positions()?,
        })
    }
}

impl Executor for PackedExecutor {
    fn run(&self, threads: &ThreadPool, tokens: PackedTokens<'_>, finish: &Finish<'_>) -> Result<()> {
        self.encoder.run(threads, tokens.offsets, &TextEnds { executor: self, tokens, finish }, &mut []);
        Ok(())
    }
}

/// What comes before the first layer and after the last.
struct TextEnds<'a> {
    executor: &'a PackedExecutor,
    tokens: PackedTokens<'a>,
    finish: &'a Finish<'a>,
}

impl Ends for TextEnds<'_> {
    fn embed(&self, token: usize, position: usize, row: &mut [f32]) {
        self.executor.words.read_row(self.tokens.ids[token] as usize, row);
        let positions = &self.executor.positions[position * row.len()..];
        row.iter_mut().zip(positions).for_each(|(value, position)| *value += position);
    }

    fn pool(&self, sequence: usize, rows: &[f32], _out: &mut [f32]) {
        fault::point("pool");
        (self.finish)(sequence, rows);
    }
}

struct Packer<'a> {
    weights: &'a Weights,
    spec: &'a EncoderSpec,
    isa: Isa,
    int8: bool,
}

impl Packer<'_> {
    fn table(&self, table: &TableSpec) -> Result<Matrix<'_>> {
        self.weights.matrix(&table.weight, table.rows, self.spec.hidden_size)
    }

    fn positions(&self) -> Result<Vec<f32>> {
        let hidden = self.spec.hidden_size;
        let positions = self.table(&self.spec.embeddings.position)?;
        let mut segment = vec![0.0; hidden];
        self.table(&self.spec.embeddings.segment)?.read_row(0, &mut segment);
        let mut sums = vec![0.0; self.spec.max_positions() * hidden];
        for (index, row) in sums.chunks_exact_mut(hidden).enumerate() {
            positions.read_row(index, row);
            row.iter_mut().zip(&segment).for_each(|(value, segment)| *value += segment);
        }
        Ok(sums)
    }

    fn norm(&self, norm: &NormSpec) -> Result<LayerNorm> {
        let hidden = self.spec.hidden_size;
        let (weight, bias) = (self.weights.vector(&norm.weight, hidden)?, self.weights.vector(&norm.bias, hidden)?);
        LayerNorm::new(self.isa, weight, Some(bias), self.spec.layer_norm_eps).map_err(mismatch)
    }

    fn layer(&self, layer: &LayerSpec) -> Result<EncoderLayer> {
        Ok(EncoderLayer {
            qkv: self.linear(&[&layer.query, &layer.key, &layer.value])?,
            out: self.linear(&[&layer.attention_output])?,
            attention_norm: self.norm(&layer.attention_norm)?,
            up: self.linear(&[&layer.up])?,
            down: self.linear(&[&layer.down])?,
            output_norm: self.norm(&layer.output_norm)?,
        })
    }

    /// Layers with the same input and equally many outputs as one: their outputs side by side.
    fn linear(&self, parts: &[&LinearSpec]) -> Result<Linear> {
        let LinearSpec { inputs, outputs, .. } = *parts[0];
        let mut matrices = Vec::with_capacity(parts.len());
        let mut bias = Vec::with_capacity(parts.len() * outputs);
        for part in parts {
            matrices.push(self.weights.matrix(&part.weight, outputs, inputs)?);
            bias.extend(self.weights.vector(&part.bias, outputs)?);
        }
        let shape = [parts.len() * outputs, inputs];
        let int8: Vec<Int8Matrix<'_>> = matrices
            .iter()
            .filter_map(|matrix| match matrix {
                Matrix::Int8(matrix) if self.int8 => Some(*matrix),
                _ => None,
            })
            .collect();
        let packed = if int8.len() == parts.len() {
            let scales: Vec<f32> = (0..shape[0]).map(|row| int8[row / outputs].scale(row % outputs)).collect();
            let exact = fuse_exact_columns(&int8, outputs)?;
            Linear::pack_i8(self.isa, shape, Some(&bias), &scales, &exact, |row, values| {
                let stored = int8[row / outputs].row(row % outputs);
                values.iter_mut().zip(stored).for_each(|(value, stored)| *value = stored);
            })
        } else {
            Linear::pack_f32(self.isa, shape, Some(&bias), |row, values| {
                matrices[row / outputs].read_row(row % outputs, values);
            })
        };
        packed.map_err(mismatch)
    }
}

/// The exact columns of matrices with the same input, one above the other.
fn fuse_exact_columns(matrices: &[Int8Matrix<'_>], outputs: usize) -> Result<Vec<ExactColumn>> {
    let mut fused: Vec<ExactColumn> = Vec::new();
    for (part, matrix) in matrices.iter().enumerate() {
        for (column, weights) in matrix.exact.columns() {
            let at = fused.iter().position(|exact| exact.column == column).unwrap_or_else(|| {
                fused.push(ExactColumn { column, weights: vec![0.0; matrices.len() * outputs] });
                fused.len() - 1
            });
            let target = &mut fused[at].weights[part * outputs..][..outputs];
            target.iter_mut().zip(weights).for_each(|(target, weight)| *target = weight);
        }
    }
    // A matrix that lacks a column of the others has it in its bytes, where it would be lost.
    if fused.len() > MAX_EXACT_COLUMNS || matrices.iter().any(|matrix| matrix.exact.columns().count() != fused.len()) {
        return Err(Error::invalid_model("the exact columns of an attention's int8 matrices differ, or are too many"));
    }
    Ok(fused)
}

/// The shapes were checked against the configuration before; what is left is a fault of this crate.
fn mismatch(error: LinearError) -> Error {
    Error::internal(error)
}
