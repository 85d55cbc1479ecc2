//! From the token vectors of a text to the vector that is delivered.

use candle_embed_kernels::PooledRows;

use crate::dense::Dense;
use crate::error::{Error, Result};
use crate::files::Files;
use crate::folder::Head;
use crate::normalize::normalize;
use crate::pooling::{Pooling, PoolingMode};
use crate::spec::ModelSpec;

/// The modules after the encoder.
#[derive(Debug)]
pub(crate) struct VectorHead {
    pub pooling: Pooling,
    pub include_prompt: bool,
    pub dense: Vec<Dense>,
    pub normalize: bool,
    norm_before_cut: bool,
    hidden_size: usize,
}

/// What one call asks of the head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VectorShape {
    pub dimensions: usize,
    pub normalize: bool,
    /// Tokens at the start of every text that pooling leaves out.
    pub skipped_tokens: usize,
}

impl VectorHead {
    /// Loads the dense layers that `head` names, for the token vectors of `spec`.
    pub fn load(files: &Files, head: &Head, spec: &ModelSpec) -> Result<Self> {
        let hidden_size = spec.hidden_size();
        let mut size = head.pooling.output_size(hidden_size);
        let mut dense = Vec::with_capacity(head.dense.len());
        for folder in &head.dense {
            let layer = Dense::load(files, folder, size)?;
            size = layer.outputs();
            dense.push(layer);
        }
        Ok(Self {
            pooling: head.pooling.clone(),
            include_prompt: head.include_prompt,
            dense,
            normalize: head.normalize,
            norm_before_cut: spec.norm_before_cut(),
            hidden_size,
        })
    }

    /// Components of an uncut vector.
    pub fn dimensions(&self) -> usize {
        self.dense.last().map_or_else(|| self.pooling.output_size(self.hidden_size), Dense::outputs)
    }

    /// See [`EncoderSpec::norm_before_cut`](crate::spec::EncoderSpec::norm_before_cut).
    pub fn norm_before_cut(&self) -> bool {
        self.norm_before_cut
    }

    /// Which of a text's token vectors [`VectorHead::vector`] needs.
    pub fn pooled_rows(&self, shape: VectorShape) -> PooledRows {
        let first = |mode: &PoolingMode| *mode == PoolingMode::Cls;
        if shape.skipped_tokens == 0 && self.pooling.modes().iter().all(first) {
            PooledRows::First
        } else {
            PooledRows::All
        }
    }

    /// The vector of a text with the given token vectors, all or the [`VectorHead::pooled_rows`], cut and normalised. The
    /// folder's own Normalize module comes before the cut, so a cut vector is normalised again to be of unit length.
    pub fn vector(&self, tokens: &[f32], shape: VectorShape, index: usize) -> Result<Vec<f32>> {
        let mut vector = vec![0.0; self.pooling.output_size(self.hidden_size)];
        self.pooling.apply(tokens, self.hidden_size, shape.skipped_tokens, &mut vector);
        for layer in &self.dense {
            vector = layer.apply(&vector);
        }
        if self.norm_before_cut && shape.dimensions < vector.len() {
            if self.normalize {
                normalize(&mut vector);
            }
            layer_norm(&mut vector);
        }
        vector.truncate(shape.dimensions);
        if shape.normalize {
            normalize(&mut vector);
        }
        check_finite(&vector, index)?;
        Ok(vector)
    }
}

/// Refuses a vector with numbers that are not finite.
pub(crate) fn check_finite(vector: &[f32], index: usize) -> Result<()> {
    if vector.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    Err(Error::invalid_model(format!(
        "the model gives numbers that are not finite for text {index}; its weights are damaged"
    )))
}

/// PyTorch's `layer_norm` without weights: mean 0, variance 1.
fn layer_norm(vector: &mut [f32]) {
    const EPS: f64 = 1e-5;
    let count = vector.len() as f64;
    let mean = vector.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let variance = vector.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
    let scale = 1.0 / (variance + EPS).sqrt();
    vector.iter_mut().for_each(|value| *value = ((f64::from(*value) - mean) * scale) as f32);
}
