//! A model on a device with memory of its own: ids go there, finished vectors come back.
//!
//! One upload and one download a batch; everything between is queued on the device's thread, while the caller tokenizes
//! what comes next. Candle's CPU device can stand in for a GPU, for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use candle_core::DType;
use web_time::Instant;

use super::PackedTokens;
use super::device_head::DeviceHead;
use super::layout::MOST_SCORES;
use super::network::{CandleResult, LoadError, Network};
use crate::device::{DeviceThread, Failure, OpenDevice, Ticket};
use crate::error::Result;
use crate::fault;
use crate::head::{VectorHead, VectorShape};
use crate::spec::EncoderSpec;
use crate::weights::Weights;

/// Beyond so many tokens a batch makes no GPU faster: even the largest is busy for some ten milliseconds with a small model.
const MOST_TOKENS: usize = 1 << 17;
/// Below it a GPU waits for its kernels to be launched.
const LEAST_TOKENS: usize = 1 << 10;
/// A batch takes at most this part of the device's memory: another model and other processes are there as well.
const MEMORY_SHARE: u64 = 8;

/// Texts as ids that a device takes over.
#[derive(Debug)]
pub(crate) struct OwnedTokens {
    pub ids: Vec<u32>,
    pub offsets: Vec<usize>,
}

impl OwnedTokens {
    fn packed(&self) -> PackedTokens<'_> {
        PackedTokens { ids: &self.ids, offsets: &self.offsets }
    }

    /// The first texts, about half of the tokens, and the others.
    fn halves(self) -> (Self, Self) {
        let texts = self.offsets.len() - 1;
        let half = self.offsets.partition_point(|offset| *offset * 2 <= self.ids.len()).saturating_sub(1);
        let half = half.clamp(1, texts - 1);
        let at = self.offsets[half];
        let offsets = self.offsets[half..].iter().map(|offset| offset - at).collect();
        let others = Self { ids: self.ids[at..].to_vec(), offsets };
        let mut first = self;
        first.ids.truncate(at);
        first.offsets.truncate(half + 1);
        (first, others)
    }
}

/// The vectors of a batch, row after row, and how long the device worked on it.
#[derive(Debug)]
pub(crate) struct DeviceVectors {
    pub data: Vec<f32>,
    pub time: Duration,
}

struct Model {
    network: Network,
    head: DeviceHead,
}

/// A model on a device.
pub(crate) struct DeviceExecutor {
    thread: Arc<DeviceThread>,
    /// Dropped on the thread.
    model: Option<Arc<Model>>,
    /// Most tokens of a batch; smaller after the memory was too small for so many.
    budget: Arc<AtomicUsize>,
}

impl DeviceExecutor {
    /// Copies the model to the device of `thread`, for texts of at most `longest` tokens.
    pub fn load(
        thread: Arc<DeviceThread>,
        spec: &EncoderSpec,
        weights: &Arc<Weights>,
        head: &Arc<VectorHead>,
        dtype: DType,
        longest: usize,
    ) -> Result<Self> {
        thread.check()?;
        let (own_spec, own_weights, own_head) = (spec.clone(), Arc::clone(weights), Arc::clone(head));
        let loading = thread.submit(move |opened: &OpenDevice| {
            let network = Network::load(&own_spec, &own_weights, &opened.device, dtype, longest);
            let network = match network {
                Err(LoadError::Folder(error)) => return Ok(Err(error)),
                Err(LoadError::Device(error)) => return Err(error.into()),
                Ok(network) => network,
            };
            let head = DeviceHead::load(&own_head, &opened.device)?;
            Ok(Ok((Arc::new(Model { network, head }), opened.free_memory())))
        });
        let (model, free_memory) = loading.wait()??;
        let budget = Arc::new(AtomicUsize::new(budget(spec, dtype, free_memory)));
        Ok(Self { thread, model: Some(model), budget })
    }

    /// Most tokens of a batch.
    pub fn budget(&self) -> usize {
        self.budget.load(Ordering::Relaxed)
    }

    /// Computes the vectors of `tokens`, whose neighbours should be of similar length. No text is empty.
    pub fn submit(&self, tokens: OwnedTokens, shape: VectorShape) -> Ticket<DeviceVectors> {
        let model = self.model.clone();
        let budget = Arc::clone(&self.budget);
        self.thread.submit(move |opened| {
            let started = Instant::now();
            let model = model.ok_or_else(|| Failure::Bug("a disposed model was asked".to_owned()))?;
            let mut data = Vec::with_capacity((tokens.offsets.len() - 1) * shape.dimensions);
            vectors(&model, opened, tokens, shape, &budget, &mut data)?;
            Ok(DeviceVectors { data, time: started.elapsed() })
        })
    }
}

impl Drop for DeviceExecutor {
    fn drop(&mut self) {
        if let Some(model) = self.model.take() {
            self.thread.drop_there(model);
        }
    }
}

/// Appends the vectors of `tokens` to `data`; in halves where there is not enough memory for all at once.
fn vectors(
    model: &Model,
    opened: &OpenDevice,
    tokens: OwnedTokens,
    shape: VectorShape,
    budget: &AtomicUsize,
    data: &mut Vec<f32>,
) -> std::result::Result<(), Failure> {
    match compute(model, tokens.packed(), shape).map_err(Failure::from) {
        Ok(rows) => {
            data.extend(rows);
            Ok(())
        }
        Err(Failure::OutOfMemory(_)) if tokens.offsets.len() > 2 => {
            opened.give_back_memory();
            let (first, others) = tokens.halves();
            budget.fetch_min(first.ids.len().max(LEAST_TOKENS), Ordering::Relaxed);
            vectors(model, opened, first, shape, budget, data)?;
            vectors(model, opened, others, shape, budget, data)
        }
        Err(failure) => Err(failure),
    }
}

fn compute(model: &Model, tokens: PackedTokens<'_>, shape: VectorShape) -> CandleResult<Vec<f32>> {
    fault::device(tokens.ids.len())?;
    let states = model.network.encode(tokens, &mut |_, _, _| Ok(()))?;
    let rows = model.head.vectors(&states, tokens, shape)?.flatten_all()?.to_vec1()?;
    // All is done by now. On Metal, Candle keeps a fence for each buffer that was written until the device is waited for.
    states.device().synchronize()?;
    Ok(rows)
}

/// Most tokens of a batch by what a token takes at the widest place of a layer: the residual and its norm, queries, keys and
/// values twice (grouped), what was attended to, both sides of the feed-forward block, and the pooled states in float32.
fn budget(spec: &EncoderSpec, dtype: DType, free_memory: Option<u64>) -> usize {
    let Some(free) = free_memory else { return MOST_TOKENS };
    let widest = spec.layers.iter().map(|layer| layer.up.iter().map(|up| up.outputs).sum::<usize>()).max().unwrap_or(0);
    let size = dtype.size_in_bytes() as u64;
    let token = size * (12 * spec.hidden_size + 3 * widest) as u64 + 8 * spec.hidden_size as u64;
    let scores = 3 * size * MOST_SCORES as u64;
    let tokens = (free / MEMORY_SHARE).saturating_sub(scores) / token.max(1);
    usize::try_from(tokens).unwrap_or(MOST_TOKENS).clamp(LEAST_TOKENS, MOST_TOKENS)
}

#[cfg(test)]
mod tests {
    use super::OwnedTokens;

    #[test]
    fn halves_have_about_as_many_tokens() {
        let tokens = |lengths: &[usize]| {
            let ends = lengths.iter().scan(0, |sum, length| {
                *sum += length;
                Some(*sum)
            });
            let offsets: Vec<usize> = std::iter::once(0).chain(ends).collect();
            OwnedTokens { ids: (0..lengths.iter().sum::<usize>() as u32).collect(), offsets }
        };
        let halves = |lengths: &[usize]| {
            let (first, others) = tokens(lengths).halves();
            assert_eq!(others.ids.first().copied(), first.ids.last().map(|last| last + 1));
            (first.offsets, others.offsets)
        };
        assert_eq!(halves(&[9, 1]), (vec![0, 9], vec![0, 1]));
        assert_eq!(halves(&[1, 9]), (vec![0, 1], vec![0, 9]));
        assert_eq!(halves(&[4, 3, 2, 1]), (vec![0, 4], vec![0, 3, 5, 6]));
        assert_eq!(halves(&[2, 2, 2, 2]), (vec![0, 2, 4], vec![0, 2, 4]));
    }
}
