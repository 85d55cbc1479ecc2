//! The encoder on the kernels of `candle-embed-kernels`: the product on CPUs.
//!
//! Weights are packed once, straight from the mapped file; the word embeddings stay as they are stored.

use std::sync::Arc;

use candle_embed_kernels::{
    Activation as KernelActivation, Aligned, Attention, DistanceBias, Encoder, EncoderLayer, EncoderParts, Ends,
    ExactColumn, Isa, LayerNorm, Linear, LinearError, MAX_EXACT_COLUMNS, Pages, PooledRows, Rotary, ThreadPool,
};

use super::positions::{distance_bias, rotary_tables};
use super::{Executor, Finish, PackedTokens, shared};
use crate::error::{Error, Result};
use crate::fault;
use crate::spec::{Activation, EncoderSpec, LayerSpec, LinearSpec, NormSpec, PositionSpec, RotarySpec, TableSpec};
use crate::weights::{Int8Matrix, Matrix, Table, Weights};

/// An encoder with packed weights.
pub(crate) struct PackedExecutor {
    encoder: Encoder,
    words: Table,
    positions: Positions,
    counting: Option<PositionSpec>,
}

/// What is added to every word embedding.
enum Positions {
    /// Position embeddings with the embedding of segment 0 added, `[positions, hidden]`.
    Table(Aligned<f32>),
    /// The embedding of segment 0 alone.
    Segment(Vec<f32>),
    None,
}

impl PackedExecutor {
    /// Packs the tensors that `spec` names for texts of at most `longest` tokens; `int8` computes with the stored int8
    /// weights, otherwise they are widened.
    pub fn new(spec: &EncoderSpec, weights: &Weights, int8: bool, longest: usize) -> Result<Self> {
        let packer = Packer { weights, spec, isa: Isa::detect(), pages: Pages::default(), int8, longest };
        let norm = |norm: &NormSpec| packer.norm(norm);
        let parts = EncoderParts {
            embedding_norm: Some(norm(&spec.embeddings.norm)?),
            activation: match spec.activation {
                Activation::GeluErf => KernelActivation::Gelu,
                Activation::GeluTanh => KernelActivation::GeluTanh,
                Activation::Relu => KernelActivation::Relu,
                Activation::Silu => KernelActivation::Silu,
            },
            gated: spec.gated,
            norm_first: spec.norm_first,
            layers: packer.layers()?,
            final_norm: spec.final_norm.as_ref().map(norm).transpose()?,
        };
        Ok(Self {
            encoder: Encoder::new(parts).map_err(mismatch)?,
            words: packer.table(&spec.embeddings.word)?.to_table()?,
            positions: packer.positions()?,
            counting: spec.embeddings.position.clone().filter(|position| position.padding.is_some()),
        })
    }
}

impl Executor for PackedExecutor {
    fn run(
        &self,
        threads: &ThreadPool,
        tokens: PackedTokens<'_>,
        pooled: PooledRows,
        finish: &Finish<'_>,
    ) -> Result<()> {
        let counted = self
            .counting
            .as_ref()
            .map(|position| (0..tokens.len()).flat_map(|text| position.rows(tokens.text(text))).collect::<Vec<u32>>());
        let ends = TextEnds { executor: self, tokens, counted, pooled, finish };
        self.encoder.run(threads, tokens.offsets, &ends);
        Ok(())
    }
}

/// What comes before the first layer and after the last.
struct TextEnds<'a> {
    executor: &'a PackedExecutor,
    tokens: PackedTokens<'a>,
    /// Each token's row of the position table, where it is not its position.
    counted: Option<Vec<u32>>,
    pooled: PooledRows,
    finish: &'a Finish<'a>,
}

impl Ends for TextEnds<'_> {
    fn pooled_rows(&self) -> PooledRows {
        self.pooled
    }

    fn embed(&self, token: usize, position: usize, row: &mut [f32]) {
        self.executor.words.read_row(self.tokens.ids[token] as usize, row);
        let added = match &self.executor.positions {
            Positions::Table(table) => {
                let position = self.counted.as_ref().map_or(position, |rows| rows[token] as usize);
                &table[position * row.len()..]
            }
            Positions::Segment(segment) => segment,
            Positions::None => return,
        };
        row.iter_mut().zip(added).for_each(|(value, added)| *value += added);
    }

    fn pool(&self, sequence: usize, rows: &[f32]) {
        fault::point("pool");
        (self.finish)(sequence, rows);
    }
}

struct Packer<'a> {
    weights: &'a Weights,
    spec: &'a EncoderSpec,
    isa: Isa,
    pages: Pages,
    int8: bool,
    longest: usize,
}

impl Packer<'_> {
    fn table(&self, table: &TableSpec) -> Result<Matrix<'_>> {
        self.weights.matrix(&table.weight, table.rows, self.spec.hidden_size)
    }

    fn positions(&self) -> Result<Positions> {
        let hidden = self.spec.hidden_size;
        let embeddings = &self.spec.embeddings;
        let mut segment = vec![0.0; hidden];
        if let Some(table) = &embeddings.segment {
            self.table(table)?.read_row(0, &mut segment);
        }
        let Some(position) = &embeddings.position else {
            return Ok(if embeddings.segment.is_some() { Positions::Segment(segment) } else { Positions::None });
        };
        let positions = self.table(&position.table)?;
        let mut sums = Aligned::zeroed(position.table.rows * hidden);
        for (index, row) in sums.chunks_exact_mut(hidden).enumerate() {
            positions.read_row(index, row);
            row.iter_mut().zip(&segment).for_each(|(value, segment)| *value += segment);
        }
        Ok(Positions::Table(sums))
    }

    fn norm(&self, norm: &NormSpec) -> Result<LayerNorm> {
        let hidden = self.spec.hidden_size;
        let bias = norm.bias.as_ref().map(|bias| self.weights.vector(bias, hidden)).transpose()?;
        LayerNorm::new(self.isa, self.weights.vector(&norm.weight, hidden)?, bias, self.spec.layer_norm_eps)
            .map_err(mismatch)
    }

    /// All layers; those that are alike share their attention and their rotary tables.
    fn layers(&self) -> Result<Vec<EncoderLayer>> {
        let mut attentions: Vec<(Option<usize>, Arc<Attention>)> = Vec::new();
        let mut rotaries: Vec<(&RotarySpec, Arc<Rotary>)> = Vec::new();
        let mut layers = Vec::with_capacity(self.spec.layers.len());
        for layer in &self.spec.layers {
            let attention = shared(&mut attentions, layer.window, || self.attention(layer.window))?;
            let rotary = layer.rotary.as_ref();
            let rotary = rotary.map(|spec| shared(&mut rotaries, spec, || self.rotary(spec))).transpose()?;
            layers.push(self.layer(layer, attention, rotary)?);
        }
        Ok(layers)
    }

    fn attention(&self, window: Option<usize>) -> Result<Attention> {
        let spec = self.spec;
        let bias = spec.distance_bias.as_ref().map(|bias| -> Result<DistanceBias> {
            Ok(DistanceBias { values: distance_bias(bias, spec, self.weights, self.longest)?, longest: self.longest })
        });
        let attention = Attention::new(self.isa, spec.heads, spec.head_size(), bias.transpose()?).map_err(mismatch)?;
        let attention = if self.int8 { attention.with_bf16() } else { attention };
        Ok(match window {
            Some(reach) => attention.with_window(reach),
            None => attention,
        })
    }

    fn rotary(&self, spec: &RotarySpec) -> Result<Rotary> {
        let (cosines, sines) = rotary_tables(spec, self.longest)?;
        Rotary::new(self.isa, spec.size / 2, cosines, sines).map_err(mismatch)
    }

    fn layer(&self, layer: &LayerSpec, attention: Arc<Attention>, rotary: Option<Arc<Rotary>>) -> Result<EncoderLayer> {
        Ok(EncoderLayer {
            attention,
            rotary,
            qkv: self.linear(&layer.query_key_value)?,
            out: self.linear(std::slice::from_ref(&layer.attention_output))?,
            attention_norm: layer.attention_norm.as_ref().map(|norm| self.norm(norm)).transpose()?,
            up: self.linear(&layer.up)?,
            down: self.linear(std::slice::from_ref(&layer.down))?,
            output_norm: self.norm(&layer.output_norm)?,
        })
    }

    /// Layers with the same input and equally many outputs as one: their outputs side by side.
    fn linear(&self, parts: &[LinearSpec]) -> Result<Linear> {
        let LinearSpec { inputs, outputs, .. } = parts[0];
        let mut matrices = Vec::with_capacity(parts.len());
        let mut bias = vec![0.0; parts.len() * outputs];
        for (part, bias) in parts.iter().zip(bias.chunks_exact_mut(outputs)) {
            matrices.push(self.weights.matrix(&part.weight, outputs, inputs)?);
            if let Some(name) = &part.bias {
                bias.copy_from_slice(&self.weights.vector(name, outputs)?);
            }
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
            Linear::pack_i8(self.isa, &self.pages, shape, Some(&bias), &scales, &exact, |row, values| {
                let stored = int8[row / outputs].row(row % outputs);
                values.iter_mut().zip(stored).for_each(|(value, stored)| *value = stored);
            })
        } else {
            Linear::pack_f32(self.isa, &self.pages, shape, Some(&bias), |row, values| {
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

/// The shapes were checked against the configuration before; but for one limit, what is left is a fault of this crate.
fn mismatch(error: LinearError) -> Error {
    match error {
        LinearError::TooManyInputs(_) => Error::unsupported(format!("{error}; load it with dtype \"float32\"")),
        LinearError::Length { .. } | LinearError::Empty => Error::internal(error),
    }
}
