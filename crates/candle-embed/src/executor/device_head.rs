//! Pooling, dense layers, cut and normalisation on a device, in float32: what `pooling` and `head` do on the CPU.

use std::ops::Range;

use candle_core::{D, DType, Device, Tensor};

use super::PackedTokens;
use super::layout::{Numbers, Upload};
use super::network::CandleResult;
use crate::dense::DenseActivation;
use crate::head::{VectorHead, VectorShape};
use crate::pooling::{Pooling, PoolingMode};

/// Padded rows (texts x the longest text's tokens) that are gathered at once.
const MOST_ROWS: usize = 1 << 17;

/// The modules after the encoder, on a device.
pub(super) struct DeviceHead {
    modes: Vec<PoolingMode>,
    dense: Vec<(Tensor, Tensor, DenseActivation)>,
    normalize: bool,
    norm_before_cut: bool,
}

impl DeviceHead {
    /// Copies the dense layers of `head` to `device`.
    pub fn load(head: &VectorHead, device: &Device) -> CandleResult<Self> {
        let dense = head.dense.iter().map(|layer| {
            let (weight, bias, activation) = layer.parts();
            let inputs = weight.len() / bias.len();
            let weight = Tensor::from_slice(weight, (bias.len(), inputs), device)?.t()?.contiguous()?;
            Ok((weight, Tensor::from_slice(bias, bias.len(), device)?, activation))
        });
        Ok(Self {
            modes: head.pooling.modes().to_vec(),
            dense: dense.collect::<CandleResult<_>>()?,
            normalize: head.normalize,
            norm_before_cut: head.norm_before_cut(),
        })
    }

    /// Pooling and normalisation alone.
    pub fn pooling_only(pooling: &Pooling) -> Self {
        Self { modes: pooling.modes().to_vec(), dense: Vec::new(), normalize: true, norm_before_cut: false }
    }

    /// The vectors of all texts, `[texts, dimensions]`, for their hidden `states`, `[tokens, hidden]`.
    pub fn vectors(&self, states: &Tensor, tokens: PackedTokens<'_>, shape: VectorShape) -> CandleResult<Tensor> {
        let mut vectors = self.pool(&states.to_dtype(DType::F32)?, tokens, shape.skipped_tokens)?;
        for (weight, bias, activation) in &self.dense {
            vectors = vectors.matmul(weight)?.broadcast_add(bias)?;
            vectors = match activation {
                DenseActivation::Identity => vectors,
                DenseActivation::Tanh => vectors.tanh()?,
                DenseActivation::Relu => vectors.relu()?,
            };
        }
        if self.norm_before_cut && shape.dimensions < vectors.dim(1)? {
            if self.normalize {
                vectors = normalized(&vectors)?;
            }
            vectors = layer_normed(&vectors)?;
        }
        let vectors = vectors.narrow(1, 0, shape.dimensions)?;
        if shape.normalize { normalized(&vectors) } else { vectors.contiguous() }
    }

    fn pool(&self, states: &Tensor, tokens: PackedTokens<'_>, prompt: usize) -> CandleResult<Tensor> {
        let mut upload = Upload::default();
        let parts: Vec<Part> = parts(tokens).map(|texts| Part::new(tokens, texts, prompt, &mut upload)).collect();
        let numbers = upload.finish(states.device())?;
        let pooled = parts.iter().map(|part| {
            let rows = RowsOf { part, numbers: &numbers, states };
            let modes = self.modes.iter().map(|mode| rows.pool(*mode)).collect::<CandleResult<Vec<_>>>()?;
            Tensor::cat(&modes, 1)
        });
        Tensor::cat(&pooled.collect::<CandleResult<Vec<_>>>()?, 0)
    }
}

/// Neighbours that are pooled together.
fn parts(tokens: PackedTokens<'_>) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let first = start;
        let mut longest = 0;
        while start < tokens.len() {
            longest = longest.max(tokens.text(start).len());
            if start > first && longest * (start + 1 - first) > MOST_ROWS {
                break;
            }
            start += 1;
        }
        (start > first).then_some(first..start)
    })
}

/// Where the numbers are that say which rows of the states make up some texts.
struct Part {
    texts: usize,
    /// Padded rows of a text.
    longest: usize,
    /// The row of each padded row; padding repeats the first one.
    rows: Range<usize>,
    /// 1 for a row that counts, 0 for padding.
    counts: Range<usize>,
    /// The place of each row in its text from 1 on, 0 for padding.
    places: Range<usize>,
    /// Each text's first and last row.
    first: Range<usize>,
    last: Range<usize>,
    /// Each text's number of rows, and the sum of their places.
    total: Range<usize>,
    places_total: Range<usize>,
}

impl Part {
    /// The rows of `texts` without their first `prompt` ones. Where nothing is left, the text's first row stands in and
    /// counts nothing.
    fn new(tokens: PackedTokens<'_>, texts: Range<usize>, prompt: usize, upload: &mut Upload) -> Self {
        let kept: Vec<(usize, usize, usize)> = texts
            .map(|text| {
                let (start, end) = (tokens.offsets[text], tokens.offsets[text + 1]);
                let skipped = prompt.min(end - start);
                let first = if skipped == end - start { start } else { start + skipped };
                (first, end - start - skipped, skipped)
            })
            .collect();
        let longest = kept.iter().map(|(_, count, _)| *count).max().unwrap_or(0).max(1);
        let padded = |value: fn(usize, usize, usize, usize) -> usize| {
            let of = move |(first, count, skipped): (usize, usize, usize)| {
                (0..longest).map(move |at| value(at, first, count, skipped) as u32)
            };
            kept.clone().into_iter().flat_map(of)
        };
        let places_of = |(_, count, skipped): &(usize, usize, usize)| (skipped + 1..=skipped + count).sum::<usize>();
        Self {
            texts: kept.len(),
            longest,
            rows: upload.add(padded(|at, first, count, _| first + if at < count { at } else { 0 })),
            counts: upload.add(padded(|at, _, count, _| usize::from(at < count))),
            places: upload.add(padded(|at, _, count, skipped| if at < count { skipped + at + 1 } else { 0 })),
            first: upload.add(kept.iter().map(|(first, _, _)| *first as u32)),
            last: upload.add(kept.iter().map(|(first, count, _)| (first + count.max(&1) - 1) as u32)),
            total: upload.add(kept.iter().map(|(_, count, _)| *count as u32)),
            places_total: upload.add(kept.iter().map(|kept| places_of(kept) as u32)),
        }
    }
}

/// A part and the states that it is of.
struct RowsOf<'a> {
    part: &'a Part,
    numbers: &'a Numbers,
    states: &'a Tensor,
}

impl RowsOf<'_> {
    /// `[texts, hidden]` by one mode.
    fn pool(&self, mode: PoolingMode) -> CandleResult<Tensor> {
        let Part { counts, places, first, last, total, places_total, .. } = self.part;
        match mode {
            PoolingMode::Cls => self.select(first),
            // A text of which nothing is left: zeros, but no maximum, which the check on the vector refuses.
            PoolingMode::LastToken => self.select(last)?.broadcast_mul(&self.column(total)?.clamp(0f32, 1f32)?),
            PoolingMode::Max => self.padded()?.max(1)?.broadcast_div(&self.column(total)?.clamp(0f32, 1f32)?),
            PoolingMode::Mean => self.sum(counts)?.broadcast_div(&self.column(total)?.maximum(1e-9f32)?),
            PoolingMode::MeanSqrtLen => self.sum(counts)?.broadcast_div(&self.column(total)?.sqrt()?.maximum(1e-9f32)?),
            PoolingMode::WeightedMean => self.sum(places)?.broadcast_div(&self.column(places_total)?.maximum(1e-9f32)?),
        }
    }

    fn select(&self, rows: &Range<usize>) -> CandleResult<Tensor> {
        self.states.index_select(&self.numbers.part(rows)?, 0)
    }

    /// `[texts, longest, hidden]`.
    fn padded(&self) -> CandleResult<Tensor> {
        self.select(&self.part.rows)?.reshape((self.part.texts, self.part.longest, ()))
    }

    /// The sum of each text's rows with the given weights.
    fn sum(&self, weights: &Range<usize>) -> CandleResult<Tensor> {
        let weights = self.numbers.part(weights)?.to_dtype(DType::F32)?;
        weights.reshape((self.part.texts, 1, self.part.longest))?.matmul(&self.padded()?)?.squeeze(1)
    }

    fn column(&self, numbers: &Range<usize>) -> CandleResult<Tensor> {
        self.numbers.part(numbers)?.to_dtype(DType::F32)?.reshape((self.part.texts, 1))
    }
}

/// Rows of unit length, as `normalize` makes them.
fn normalized(vectors: &Tensor) -> CandleResult<Tensor> {
    vectors.broadcast_div(&vectors.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?.maximum(1e-12f32)?)
}

/// PyTorch's `layer_norm` without weights.
fn layer_normed(vectors: &Tensor) -> CandleResult<Tensor> {
    let centered = vectors.broadcast_sub(&vectors.mean_keepdim(D::Minus1)?)?;
    let variance = centered.sqr()?.mean_keepdim(D::Minus1)?;
    centered.broadcast_div(&(variance + 1e-5)?.sqrt()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every mode, with prompts that leave out some tokens of some texts and all of others.
    #[test]
    fn pooling_is_that_of_the_cpu() {
        let offsets = [0, 3, 4, 6, 11];
        let tokens = PackedTokens { ids: &[0; 11], offsets: &offsets };
        let states: Vec<f32> = (0..22).map(|at| ((at * 7) % 11) as f32 - 5.0).collect();
        let pooling = Pooling::new(PoolingMode::ALL.to_vec());
        for prompt in [0, 1, 2, 9] {
            let on_device = Tensor::from_slice(&states, (11, 2), &Device::Cpu).unwrap();
            let pooled = DeviceHead::pooling_only(&pooling).pool(&on_device, tokens, prompt).unwrap();
            for (text, pooled) in pooled.to_vec2::<f32>().unwrap().iter().enumerate() {
                let mut expected = vec![0.0; pooling.output_size(2)];
                pooling.apply(&states[2 * offsets[text]..2 * offsets[text + 1]], 2, prompt, &mut expected);
                for (value, expected) in pooled.iter().zip(&expected) {
                    let both_refused = !value.is_finite() && !expected.is_finite();
                    assert!(both_refused || (value - expected).abs() < 1e-5, "{prompt}, {text}: {pooled:?}");
                }
            }
        }
    }

    #[test]
    fn many_rows_are_pooled_in_parts() {
        let offsets: Vec<usize> = (0..=5).map(|text| text * MOST_ROWS / 2).collect();
        let ids = vec![0; offsets[5]];
        assert_eq!(parts(PackedTokens { ids: &ids, offsets: &offsets }).collect::<Vec<_>>(), [0..2, 2..4, 4..5]);
    }
}
