//! Working memory of a forward: grown to the largest chunk, kept from run to run.

use super::Encoder;
use crate::attention::AttentionScratch;
use crate::linear::Linear;
use crate::pack::Aligned;
use crate::rows::RowScale;
use crate::stride::float_stride;
use std::ptr;

/// Bytes of widened f32 rows in the feed-forward part: they stay in the second-level cache beside a weight panel.
const FEED_FORWARD_BYTES: usize = 704 << 10;

/// Rows of the highest tile of any tier.
pub(super) const TILE: usize = 14;

/// Tokens that go through the feed-forward part at a time: whole tiles, 112 for MiniLM, 56 for bge-base.
pub(super) fn feed_forward_rows(wide: usize) -> usize {
    (FEED_FORWARD_BYTES / (4 * wide.max(1)) / TILE * TILE).clamp(TILE, 8 * TILE)
}

/// Working memory of one thread, or of a team.
pub(super) struct Scratch {
    hidden: Aligned<f32>,
    /// Normed copies of the hidden states, where norms come first.
    normed: Aligned<f32>,
    qkv: Aligned<f32>,
    context: Aligned<f32>,
    wide: Aligned<f32>,
    /// Gated values, where the feed-forward block has a gate.
    gated: Aligned<f32>,
    bytes: Aligned<u8>,
    wide_bytes: Aligned<u8>,
    scales: Vec<RowScale>,
    wide_scales: Vec<RowScale>,
    /// Not shared by a team.
    attention: AttentionScratch,
}

impl Default for Scratch {
    fn default() -> Self {
        let floats = || Aligned::zeroed(0);
        Self {
            hidden: floats(),
            normed: floats(),
            qkv: floats(),
            context: floats(),
            wide: floats(),
            gated: floats(),
            bytes: Aligned::zeroed(0),
            wide_bytes: Aligned::zeroed(0),
            scales: Vec::new(),
            wide_scales: Vec::new(),
            attention: AttentionScratch::default(),
        }
    }
}

impl Scratch {
    /// Makes room for a chunk of so many tokens.
    pub(super) fn grow(&mut self, tokens: usize, encoder: &Encoder) {
        let (hidden, wide) = (encoder.hidden, encoder.feed_forward);
        let rows = feed_forward_rows(wide);
        self.hidden.grow(tokens * float_stride(hidden));
        self.qkv.grow(tokens * 3 * hidden);
        self.context.grow(tokens * float_stride(hidden));
        if encoder.parts.norm_first {
            self.normed.grow(tokens * float_stride(hidden));
        }
        let together = rows.min(tokens);
        if encoder.parts.gated {
            self.wide.grow(together * float_stride(2 * wide));
            self.gated.grow(together * float_stride(wide));
        } else {
            self.wide.grow(together * float_stride(wide));
        }
        let layers = || encoder.parts.layers.iter();
        self.bytes.grow(tokens * longest_row(layers().flat_map(|l| [&l.qkv, &l.out, &l.up])));
        self.wide_bytes.grow(together * longest_row(layers().map(|l| &l.down)));
        if self.scales.len() < tokens {
            self.scales.resize(tokens, RowScale::default());
        }
        self.wide_scales.resize(rows, RowScale::default());
    }

    pub(super) fn buffers(&mut self, encoder: &Encoder) -> Buffers {
        let parts = &encoder.parts;
        Buffers {
            hidden: self.hidden.as_mut_ptr(),
            input: if parts.norm_first { self.normed.as_mut_ptr() } else { self.hidden.as_mut_ptr() },
            qkv: self.qkv.as_mut_ptr(),
            context: self.context.as_mut_ptr(),
            wide: self.wide.as_mut_ptr(),
            activated: if parts.gated { self.gated.as_mut_ptr() } else { self.wide.as_mut_ptr() },
            bytes: self.bytes.as_mut_ptr(),
            wide_bytes: self.wide_bytes.as_mut_ptr(),
            scales: self.scales.as_mut_ptr(),
            wide_scales: self.wide_scales.as_mut_ptr(),
        }
    }

    pub(super) fn attention(&mut self) -> &mut AttentionScratch {
        &mut self.attention
    }
}

/// Bytes of the longest quantised row that some layers take, 0 where none is int8.
fn longest_row<'a>(layers: impl Iterator<Item = &'a Linear>) -> usize {
    layers.filter(|layer| layer.is_int8()).map(Linear::byte_stride).max().unwrap_or(0)
}

/// The shared part of a [`Scratch`] as raw parts: a team's threads write disjoint rows or columns in each step.
pub(super) struct Buffers {
    pub(super) hidden: *mut f32,
    /// What linear layers take: the hidden states, or the normed copies.
    pub(super) input: *mut f32,
    pub(super) qkv: *mut f32,
    pub(super) context: *mut f32,
    /// What `up` gives.
    pub(super) wide: *mut f32,
    /// What `down` takes: `wide` itself, or the gated values.
    pub(super) activated: *mut f32,
    pub(super) bytes: *mut u8,
    pub(super) wide_bytes: *mut u8,
    pub(super) scales: *mut RowScale,
    pub(super) wide_scales: *mut RowScale,
}

// SAFETY: `Encoder::run` gives each to one thread, or to a team that keeps to its shares.
unsafe impl Sync for Buffers {}

impl Buffers {
    /// Hidden states of `count` tokens, brought together where their rows lie apart.
    ///
    /// # Safety
    ///
    /// They lie within the chunk, are finished, and no one else reads or writes them.
    pub(super) unsafe fn rows(&self, first: usize, count: usize, hidden: usize) -> &[f32] {
        let stride = float_stride(hidden);
        // SAFETY: the caller vouches for the rows; each moves towards the first and onto itself or an earlier one.
        unsafe {
            let start = self.hidden.add(first * stride);
            if stride != hidden {
                for row in 1..count {
                    ptr::copy(start.add(row * stride), start.add(row * hidden), hidden);
                }
            }
            std::slice::from_raw_parts(start, count * hidden)
        }
    }
}
