//! What runs an [`EncoderSpec`](crate::spec::EncoderSpec).

mod candle;
mod packed;

pub(crate) use candle::{CandleExecutor, LinearInput};
pub(crate) use packed::PackedExecutor;

use candle_embed_kernels::ThreadPool;

use crate::error::Result;

/// Texts as token ids, one after the other, without padding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PackedTokens<'a> {
    /// Ids of all texts.
    pub ids: &'a [u32],
    /// Where each text starts in `ids`, and where the last one ends: one entry more than there are texts. No text is
    /// empty.
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

/// Takes the last hidden states of a text, `[tokens, hidden]` row-major, given its index; called from any thread.
pub(crate) type Finish<'a> = dyn Fn(usize, &[f32]) + Sync + 'a;

/// An encoder on some device.
///
/// Every text's states depend on that text alone: not on its neighbours in the batch, their order, or the thread.
pub(crate) trait Executor: Send + Sync {
    /// Encodes `tokens` on `threads` and gives the states of each text to `finish`.
    ///
    /// Ids are below the vocabulary's size and no text is longer than the position table.
    fn run(&self, threads: &ThreadPool, tokens: PackedTokens<'_>, finish: &Finish<'_>) -> Result<()>;
}
