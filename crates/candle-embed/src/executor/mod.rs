//! What runs a [`ModelSpec`](crate::spec::ModelSpec).

mod attention;
mod bias;
mod candle;
mod device;
mod device_head;
mod layout;
mod network;
mod packed;
mod positions;
mod self_test;
mod static_embedding;

pub(crate) use candle::CandleExecutor;
pub(crate) use device::{DeviceExecutor, DeviceVectors, OwnedTokens};
pub(crate) use network::{LinearInput, LoadError, Network};
pub(crate) use packed::PackedExecutor;
pub(crate) use self_test::least_cosine;
pub(crate) use static_embedding::StaticExecutor;

use std::sync::Arc;

use candle_embed_kernels::{PooledRows, ThreadPool};

use crate::error::Result;

/// Texts as token ids, one after the other, without padding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PackedTokens<'a> {
    /// Ids of all texts.
    pub ids: &'a [u32],
    /// Where each text starts in `ids`, and where the last one ends: one entry more than there are texts. No text is
    /// empty where there is an encoder.
    pub offsets: &'a [usize],
}

impl<'a> PackedTokens<'a> {
    /// Number of texts.
    pub fn len(self) -> usize {
        self.offsets.len() - 1
    }

    /// The ids of text `index`.
    pub fn text(self, index: usize) -> &'a [u32] {
        &self.ids[self.offsets[index]..self.offsets[index + 1]]
    }
}

/// Takes the last hidden states of a text, row-major: `[tokens, hidden]`, or the row that is pooled (static embeddings: their
/// mean), given its index; called from any thread.
pub(crate) type Finish<'a> = dyn Fn(usize, &[f32]) + Sync + 'a;

/// A model on the CPU.
///
/// Every text's states depend on that text alone: not on its neighbours in the batch, their order, or the thread.
pub(crate) trait Executor: Send + Sync {
    /// Encodes `tokens` on `threads` and gives each text's states to `finish`: all, or `pooled` and no others.
    ///
    /// Ids are below the vocabulary's size and no text is longer than the executor was made for.
    fn run(
        &self,
        threads: &ThreadPool,
        tokens: PackedTokens<'_>,
        pooled: PooledRows,
        finish: &Finish<'_>,
    ) -> Result<()>;
}

/// The entry of `made` for `key`, made where it is not there yet.
fn shared<K: PartialEq, T, E>(
    made: &mut Vec<(K, Arc<T>)>,
    key: K,
    make: impl FnOnce() -> std::result::Result<T, E>,
) -> std::result::Result<Arc<T>, E> {
    if let Some((_, value)) = made.iter().find(|(other, _)| *other == key) {
        return Ok(Arc::clone(value));
    }
    let value = Arc::new(make()?);
    made.push((key, Arc::clone(&value)));
    Ok(value)
}
