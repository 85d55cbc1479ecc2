//! Softmax(QKᵀ/√d + bias)V, by the best means that a device has.
//!
//! - NVIDIA in half precision, heads of 32 or 64 channels: flash-attention on the packed tokens.
//! - Metal: Candle's fused `sdpa` on groups of nearly equal length.
//! - Everything else (float32 and MPNet's bias on NVIDIA, CPUs): products and a fused softmax on such groups.

use candle_core::{DType, Device, Tensor};
use candle_nn::{ops, rotary_emb};

use super::layout::{Group, Layout, MASKED, MOST_SCORES};
use super::network::CandleResult;
use crate::spec::EncoderSpec;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    #[cfg(feature = "flash-attn")]
    Flash,
    Sdpa,
    Products,
}

/// The attention of all layers of a network.
pub(super) struct Attention {
    means: Means,
    heads: usize,
    head_size: usize,
    dtype: DType,
    distances: Option<Distances>,
    /// `[heads, 2 * longest - 1]`, see [`distance_bias`](super::positions::distance_bias).
    bias: Option<Tensor>,
}

/// For tables over distances: entry `longest - 1 + key - query` is of that distance.
struct Distances {
    longest: usize,
    /// `longest - 1 - query`, a column.
    queries: Tensor,
    /// `key`, a row.
    keys: Tensor,
}

impl Distances {
    fn new(longest: usize, device: &Device) -> CandleResult<Self> {
        let last = longest as u32;
        let queries: Vec<u32> = (0..last).rev().collect();
        let keys: Vec<u32> = (0..last).collect();
        Ok(Self {
            longest,
            queries: Tensor::from_vec(queries, (longest, 1), device)?,
            keys: Tensor::from_vec(keys, (1, longest), device)?,
        })
    }

    /// The entries of all pairs of `tokens` places, row after row of queries.
    fn entries(&self, tokens: usize) -> CandleResult<Tensor> {
        self.queries.narrow(0, 0, tokens)?.broadcast_add(&self.keys.narrow(1, 0, tokens)?)?.flatten_all()
    }
}

/// What is added to the scores of a batch's groups, for each window that layers have (`None`: no window).
pub(super) struct Masks(Vec<(Option<usize>, Vec<Vec<Tensor>>)>);

impl Attention {
    /// The attention of `spec`, with its bias by distance.
    pub fn new(
        spec: &EncoderSpec,
        device: &Device,
        dtype: DType,
        bias: Option<Tensor>,
        longest: usize,
    ) -> CandleResult<Self> {
        let head_size = spec.head_size();
        let means = match device {
            #[cfg(feature = "flash-attn")]
            Device::Cuda(_) if dtype != DType::F32 && bias.is_none() && matches!(head_size, 32 | 64) => Means::Flash,
            Device::Metal(_) if matches!(head_size, 32 | 64 | 72 | 80 | 96 | 128) => Means::Sdpa,
            _ => Means::Products,
        };
        let by_distance = bias.is_some() || spec.layers.iter().any(|layer| layer.window.is_some());
        let distances = by_distance.then(|| Distances::new(longest, device)).transpose()?;
        Ok(Self { means, heads: spec.heads, head_size, dtype, distances, bias })
    }

    /// The heads, where texts have to be grouped.
    pub fn grouped_heads(&self) -> Option<usize> {
        #[cfg(feature = "flash-attn")]
        if self.means == Means::Flash {
            return None;
        }
        Some(self.heads)
    }

    /// The masks of a batch, for layers with the given `windows` and those without one.
    pub fn masks(&self, layout: &Layout, windows: impl Iterator<Item = usize>) -> CandleResult<Masks> {
        let mut masks: Vec<(Option<usize>, Vec<Vec<Tensor>>)> = Vec::new();
        for window in std::iter::once(None).chain(windows.map(Some)) {
            if masks.iter().all(|(other, _)| *other != window) {
                let groups = layout.groups.iter().map(|group| self.mask(group, window));
                masks.push((window, groups.collect::<CandleResult<_>>()?));
            }
        }
        Ok(Masks(masks))
    }

    /// What is added to a group's scores, each part of a shape that broadcasts to `[texts, heads, tokens, tokens]`.
    fn mask(&self, group: &Group, window: Option<usize>) -> CandleResult<Vec<Tensor>> {
        let tokens = group.longest;
        if tokens == 1 {
            return Ok(Vec::new());
        }
        let mut parts: Vec<Tensor> = group.padding.iter().map(|padding| padding.mask.clone()).collect();
        if let (Some(distances), Some(bias)) = (&self.distances, &self.bias) {
            let bias = bias.index_select(&distances.entries(tokens)?, 1)?;
            parts.push(bias.reshape((1, self.heads, tokens, tokens))?);
        }
        if let (Some(distances), Some(reach)) = (&self.distances, window.filter(|reach| *reach + 1 < tokens)) {
            let entries = distances.entries(tokens)?.to_dtype(DType::F32)?;
            let beyond = (entries - (distances.longest - 1) as f64)?.abs()?.gt(reach as f64)?;
            let mask = (beyond.to_dtype(DType::F32)? * MASKED)?.to_dtype(self.dtype)?;
            parts.push(mask.reshape((1, 1, tokens, tokens))?);
        }
        if self.means == Means::Sdpa && !parts.is_empty() {
            // Of the queries' shape and in one piece.
            let shape = (group.texts, self.heads, tokens, tokens);
            let sum = Tensor::zeros(shape, self.dtype, parts[0].device())?;
            let sum = parts.iter().try_fold(sum, |sum, part| sum.broadcast_add(part))?;
            parts = vec![sum];
        }
        Ok(parts)
    }

    /// What all tokens attend to, `[tokens, hidden]`, for `fused` queries, keys and values, `[tokens, 3 * hidden]`.
    pub fn attend(
        &self,
        fused: &Tensor,
        turn: Option<&(Tensor, Tensor)>,
        window: Option<usize>,
        layout: &Layout,
        masks: &Masks,
    ) -> CandleResult<Tensor> {
        let (tokens, hidden) = (fused.dim(0)?, self.heads * self.head_size);
        // Views, not copies: fused attention takes rows that lie apart.
        let by_heads = fused.reshape((tokens, 3 * self.heads, self.head_size))?;
        let part = |index: usize| by_heads.narrow(1, index * self.heads, self.heads);
        let turned = turn.map(|turn| Ok::<_, candle_core::Error>((rotate(&part(0)?, turn)?, rotate(&part(1)?, turn)?)));
        let turned = turned.transpose()?;
        #[cfg(feature = "flash-attn")]
        if self.means == Means::Flash {
            let (query, key) = turned.map_or_else(|| Ok((part(0)?, part(1)?)), CandleResult::Ok)?;
            return self.flash(&query, &key, &part(2)?, window, layout)?.reshape((tokens, hidden));
        }
        let fused = match turned {
            Some((query, key)) => Tensor::cat(&[query, key, part(2)?], 1)?.reshape((tokens, 3 * hidden))?,
            None => fused.clone(),
        };
        let Some((_, masks)) = masks.0.iter().find(|(other, _)| *other == window) else {
            candle_core::bail!("no masks for the window {window:?}")
        };
        let groups = layout.groups.iter().zip(masks).map(|(group, masks)| self.group(&fused, group, masks));
        match groups.collect::<CandleResult<Vec<_>>>()? {
            one if one.len() == 1 => Ok(one[0].clone()),
            many => Tensor::cat(&many, 0),
        }
    }

    #[cfg(feature = "flash-attn")]
    fn flash(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        window: Option<usize>,
        layout: &Layout,
    ) -> CandleResult<Tensor> {
        let scale = (self.head_size as f32).sqrt().recip();
        let (bounds, longest) = (&layout.bounds, layout.longest);
        candle_flash_attn::flash_attn_varlen_windowed(
            query, key, value, bounds, bounds, longest, longest, scale, window, window,
        )
    }

    /// A group's part of the answer.
    fn group(&self, fused: &Tensor, group: &Group, masks: &[Tensor]) -> CandleResult<Tensor> {
        let rows = fused.narrow(0, group.rows.start, group.rows.len())?;
        let padded = match &group.padding {
            Some(padding) => rows.index_select(&padding.spread, 0)?,
            None => rows,
        };
        // [3, texts, heads, tokens, head size]
        let parts = padded.reshape((group.texts, group.longest, 3, self.heads, self.head_size))?;
        let parts = parts.permute((2, 0, 3, 1, 4))?.contiguous()?;
        let (query, key, value) = (parts.get(0)?, parts.get(1)?, parts.get(2)?);
        let context = match self.means {
            // One token attends to itself, whatever the scores; Metal has no kernel for it with heads of 72 or 80 channels.
            _ if group.longest == 1 => value,
            Means::Sdpa => {
                let scale = (self.head_size as f32).sqrt().recip();
                ops::sdpa(&query, &key, &value, masks.first(), false, scale, 1.0)?
            }
            _ => self.products(&query, &key, &value, masks)?,
        };
        let context = context.transpose(1, 2)?.reshape((group.texts * group.longest, self.heads * self.head_size))?;
        match &group.padding {
            Some(padding) => context.index_select(&padding.gather, 0),
            None => Ok(context),
        }
    }

    /// As many heads at a time as [`MOST_SCORES`] allows.
    fn products(&self, query: &Tensor, key: &Tensor, value: &Tensor, masks: &[Tensor]) -> CandleResult<Tensor> {
        let (texts, heads, tokens, head_size) = query.dims4()?;
        let scaled = (query * (1.0 / (head_size as f64).sqrt()))?;
        let at_once = (MOST_SCORES / (texts * tokens * tokens)).clamp(1, heads);
        let parts = (0..heads).step_by(at_once).map(|first| {
            let count = at_once.min(heads - first);
            let of = |tensor: &Tensor| match tensor.dim(1)? {
                all if all == heads && count < heads => tensor.narrow(1, first, count)?.contiguous(),
                _ => Ok(tensor.clone()),
            };
            let mut scores = of(&scaled)?.matmul(&of(key)?.t()?)?;
            for mask in masks {
                scores = scores.broadcast_add(&of(mask)?)?;
            }
            ops::softmax_last_dim(&scores)?.matmul(&of(value)?)
        });
        match parts.collect::<CandleResult<Vec<_>>>()? {
            one if one.len() == 1 => Ok(one[0].clone()),
            many => Tensor::cat(&many, 1),
        }
    }
}

/// Turns the first channels of each head in pairs (`i`, `i + size / 2`); `states` is `[tokens, heads, head size]`.
fn rotate(states: &Tensor, (cosines, sines): &(Tensor, Tensor)) -> CandleResult<Tensor> {
    let (size, head_size) = (2 * cosines.dim(1)?, states.dim(2)?);
    let states = states.contiguous()?;
    let turned = states.narrow(2, 0, size)?.contiguous()?.unsqueeze(0)?;
    let turned = rotary_emb::rope_thd(&turned, cosines, sines)?.squeeze(0)?;
    if size == head_size {
        return Ok(turned);
    }
    Tensor::cat(&[turned, states.narrow(2, size, head_size - size)?], 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Views of queries, keys and values lie apart; what is turned has to be in one piece, for flash-attention.
    #[test]
    fn turned_states_are_in_one_piece() {
        let fused = Tensor::arange(0f32, 3.0 * 2.0 * 3.0 * 8.0, &Device::Cpu).unwrap().reshape((3, 6, 8)).unwrap();
        let states = fused.narrow(1, 2, 2).unwrap();
        assert!(!states.is_contiguous());
        for size in [4, 8] {
            let shape = (3, size / 2);
            let (ones, zeros) =
                (Tensor::ones(shape, DType::F32, &Device::Cpu), Tensor::zeros(shape, DType::F32, &Device::Cpu));
            let turned = rotate(&states, &(ones.unwrap(), zeros.unwrap())).unwrap();
            assert!(turned.is_contiguous());
            assert_eq!(turned.to_vec3::<f32>().unwrap(), states.to_vec3::<f32>().unwrap(), "turned by nothing");
        }
    }
}
