//! One chunk of sequences through all layers, by one thread or by a team.

use super::scratch::{Buffers, TILE, feed_forward_rows};
use super::{Encoder, EncoderLayer, Ends, PooledRows};
use crate::activation::Activation;
use crate::attention::AttentionScratch;
use crate::gate::GateArgs;
use crate::linear::{Linear, LinearArgs};
use crate::norm::LayerNorm;
use crate::rows::{QuantizeArgs, RowScale};
use crate::stride::float_stride;
use crate::team::Team;
use std::ops::Range;
use std::ptr;

/// Consecutive sequences of a batch.
pub(super) struct Chunk<'a> {
    /// Token offsets in the batch; one more than sequences.
    pub offsets: &'a [usize],
}

impl Chunk<'_> {
    fn tokens(&self) -> usize {
        self.offsets[self.offsets.len() - 1] - self.offsets[0]
    }

    fn sequences(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Where a sequence's rows begin, and how many they are, where the chunk's rows are those of all tokens or the first ones
    /// of the sequences.
    pub(super) fn rows(&self, sequence: usize, of: PooledRows) -> (usize, usize) {
        let start = self.offsets[sequence];
        match of {
            PooledRows::All => (start - self.offsets[0], self.offsets[sequence + 1] - start),
            PooledRows::First => (sequence, 1),
        }
    }
}

impl Encoder {
    /// Embeds the chunk and runs all layers; the result is in `buffers.hidden`: the rows of all tokens, or, one after the
    /// other, the first rows of the sequences.
    ///
    /// # Safety
    ///
    /// `buffers` have room for the chunk and belong to this team alone; every member calls this with the same chunk.
    pub(super) unsafe fn forward<'a>(
        &'a self,
        team: &Team<'_>,
        buffers: &Buffers,
        attention: &mut AttentionScratch,
        chunk: &Chunk<'_>,
        ends: &impl Ends,
    ) {
        let tokens = chunk.tokens();
        let parts = &self.parts;
        // The norm that makes the input of a layer, where norms come first.
        let norm_of = |layer: &'a EncoderLayer| if parts.norm_first { layer.attention_norm.as_ref() } else { None };
        // SAFETY: rows are taken from this thread's share, columns from its share of panels and heads;
        // what reads other members' results is in a later step.
        unsafe {
            self.embed(team.share(tokens), buffers, chunk, ends);
            if let Some(first) = parts.layers.first() {
                self.finish_rows(team.share(tokens), norm_of(first), Some(&first.qkv), buffers);
            }
            team.next_step();
            let mut rows = tokens;
            for (at, layer) in parts.layers.iter().enumerate() {
                let all = input(&layer.qkv, buffers.input, buffers.bytes, buffers.scales, tokens);
                let layout = layer.attention.layout(tokens, layer.qkv.panel());
                let args = LinearArgs {
                    out: buffers.qkv,
                    out_stride: layout.stride,
                    block: layout.block,
                    block_stride: layout.block_stride,
                    ..all
                };
                layer.qkv.run(&args, team.share(layer.qkv.panels()));
                team.next_step();

                let next = parts.layers.get(at + 1);
                let queries = if next.is_some() { PooledRows::All } else { ends.pooled_rows() };
                self.attend(layer, team, buffers, attention, chunk, queries);
                if queries == PooledRows::First {
                    self.keep_first_rows(team, buffers, chunk);
                    rows = chunk.sequences();
                }
                team.next_step();

                if layer.out.is_int8() {
                    quantize(&layer.out, team.share(rows), buffers.context, buffers.bytes, buffers.scales);
                    team.next_step();
                }
                let context = input(&layer.out, buffers.context, buffers.bytes, buffers.scales, rows);
                let args = LinearArgs {
                    out: buffers.hidden,
                    out_stride: float_stride(self.hidden),
                    residual: buffers.hidden,
                    ..context
                };
                layer.out.run(&args, team.share(layer.out.panels()));
                team.next_step();

                let norm = if parts.norm_first { Some(&layer.output_norm) } else { layer.attention_norm.as_ref() };
                self.finish_rows(team.share(rows), norm, Some(&layer.up), buffers);
                team.next_step();

                // Blocks of about equal size: a small last one would read all weights for few rows. Of whole tiles: three
                // blocks of 85 rows would have 21 tiles where 84, 84 and 88 have 19.
                let blocks = rows.div_ceil(feed_forward_rows(self.feed_forward));
                let tiles = rows.div_ceil(TILE);
                for block in 0..blocks {
                    let [first, end] = [block, block + 1].map(|block| (tiles * block / blocks * TILE).min(rows));
                    self.feed_forward(layer, team, buffers, first, end - first);
                }

                let norm = if parts.norm_first { next.and_then(norm_of) } else { Some(&layer.output_norm) };
                if next.is_some() || !parts.norm_first {
                    self.finish_rows(team.share(rows), norm, next.map(|layer| &layer.qkv), buffers);
                }
                team.next_step();
            }
            if let Some(norm) = &parts.final_norm {
                for row in team.share(rows) {
                    norm.row(buffers.hidden.add(row * float_stride(self.hidden)));
                }
                team.next_step();
            }
        }
    }

    /// Embeds the tokens `rows` of the chunk, embedding norm included.
    ///
    /// # Safety
    ///
    /// As [`Encoder::forward`]; `rows` are this thread's.
    unsafe fn embed(&self, rows: Range<usize>, buffers: &Buffers, chunk: &Chunk<'_>, ends: &impl Ends) {
        let base = chunk.offsets[0];
        for pair in chunk.offsets.windows(2) {
            let (start, end) = (pair[0] - base, pair[1] - base);
            for row in start.max(rows.start)..end.min(rows.end) {
                // SAFETY: a row of this thread.
                let values = unsafe {
                    std::slice::from_raw_parts_mut(buffers.hidden.add(row * float_stride(self.hidden)), self.hidden)
                };
                ends.embed(base + row, row - start, values);
                if let Some(norm) = &self.parts.embedding_norm {
                    // SAFETY: the same row.
                    unsafe { norm.row(values.as_mut_ptr()) };
                }
            }
        }
    }

    /// Norm, of a copy where norms come first, and bytes for the next linear layer while the row is in the first-level
    /// cache.
    ///
    /// # Safety
    ///
    /// As [`Encoder::forward`]; `rows` are this thread's.
    unsafe fn finish_rows(
        &self,
        rows: Range<usize>,
        norm: Option<&LayerNorm>,
        next: Option<&Linear>,
        buffers: &Buffers,
    ) {
        for row in rows {
            // SAFETY: a row of this thread.
            unsafe {
                let stride = float_stride(self.hidden);
                let input = buffers.input.add(row * stride);
                if self.parts.norm_first {
                    ptr::copy_nonoverlapping(buffers.hidden.add(row * stride), input, self.hidden);
                }
                if let Some(norm) = norm {
                    norm.row(input);
                }
                if let Some(next) = next.filter(|next| next.is_int8()) {
                    quantize(next, row..row + 1, buffers.input, buffers.bytes, buffers.scales);
                }
            }
        }
    }

    /// Attention of this thread's share of sequences and heads; the context of first rows alone is one row a sequence.
    ///
    /// # Safety
    ///
    /// As [`Encoder::forward`].
    unsafe fn attend(
        &self,
        layer: &EncoderLayer,
        team: &Team<'_>,
        buffers: &Buffers,
        attention: &mut AttentionScratch,
        chunk: &Chunk<'_>,
        queries: PooledRows,
    ) {
        let heads = layer.attention.heads();
        let layout = layer.attention.layout(chunk.tokens(), layer.qkv.panel());
        for pair in team.share(chunk.sequences() * heads) {
            let (sequence, head) = (pair / heads, pair % heads);
            let (first, count) = chunk.rows(sequence, PooledRows::All);
            let (row, queries) = chunk.rows(sequence, queries);
            if count > 0 {
                // SAFETY: the rows of the sequence and the columns of the head are this thread's.
                unsafe {
                    let qkv = buffers.qkv.add(first * layout.stride);
                    let stride = float_stride(self.hidden);
                    let context = buffers.context.add(row * stride);
                    if let Some(rotary) = &layer.rotary {
                        // The head's queries and keys are read by this thread alone, and next.
                        for (part, count) in [queries, count].into_iter().enumerate() {
                            rotary.turn(qkv.add(layer.attention.part(layout, part, head)), layout.stride, count);
                        }
                    }
                    layer.attention.head((qkv, layout), [queries, count], head, attention, context, stride);
                }
            }
        }
    }

    /// Moves the hidden states of the sequences' first tokens to the front: what the attention's output is added to.
    ///
    /// # Safety
    ///
    /// As [`Encoder::forward`]; nobody reads or writes hidden states in this step.
    unsafe fn keep_first_rows(&self, team: &Team<'_>, buffers: &Buffers, chunk: &Chunk<'_>) {
        // A row may be read where another is written: one member moves all of them.
        for _ in team.share(1) {
            for sequence in 0..chunk.sequences() {
                let stride = float_stride(self.hidden);
                let (first, _) = chunk.rows(sequence, PooledRows::All);
                // SAFETY: sequences have a token each, so a row moves to itself or an earlier one, whose own has moved.
                unsafe {
                    let from = buffers.hidden.add(first * stride);
                    ptr::copy(from, buffers.hidden.add(sequence * stride), self.hidden);
                }
            }
        }
    }

    /// `hidden += down(activation(up(input)))` for `count` rows from `first` on.
    ///
    /// # Safety
    ///
    /// As [`Encoder::forward`].
    unsafe fn feed_forward(
        &self,
        layer: &EncoderLayer,
        team: &Team<'_>,
        buffers: &Buffers,
        first: usize,
        count: usize,
    ) {
        // SAFETY: as in `forward`.
        unsafe {
            let stride = float_stride(self.hidden);
            let rows = buffers.input.add(first * stride);
            let bytes = buffers.bytes.wrapping_add(first * layer.up.byte_stride());
            let gated = self.parts.gated;
            let wide_stride = float_stride(layer.up.outputs());
            let activation = self.parts.activation.before(layer.down.is_int8());
            let args = LinearArgs {
                out: buffers.wide,
                out_stride: wide_stride,
                activation: if gated { Activation::Identity } else { activation },
                ..input(&layer.up, rows, bytes, buffers.scales.add(first), count)
            };
            layer.up.run(&args, team.share(layer.up.panels()));
            team.next_step();
            if gated {
                for row in team.share(count) {
                    (layer.down.kernels.gate)(&GateArgs {
                        row: buffers.wide.add(row * wide_stride),
                        n: self.feed_forward,
                        activation,
                        out: buffers.activated.add(row * float_stride(self.feed_forward)),
                    });
                    if layer.down.is_int8() {
                        quantize(&layer.down, row..row + 1, buffers.activated, buffers.wide_bytes, buffers.wide_scales);
                    }
                }
                team.next_step();
            } else if layer.down.is_int8() {
                let rows = team.share(count);
                quantize(&layer.down, rows, buffers.activated, buffers.wide_bytes, buffers.wide_scales);
                team.next_step();
            }
            let hidden = buffers.hidden.add(first * stride);
            let args = LinearArgs {
                out: hidden,
                out_stride: stride,
                residual: hidden,
                ..input(&layer.down, buffers.activated, buffers.wide_bytes, buffers.wide_scales, count)
            };
            layer.down.run(&args, team.share(layer.down.panels()));
            team.next_step();
        }
    }
}

/// `rows` rows as input of a layer, in its precision: `values`, or the `bytes` they were quantised to. The outputs are
/// the caller's to set.
fn input(layer: &Linear, values: *mut f32, bytes: *mut u8, scales: *mut RowScale, rows: usize) -> LinearArgs {
    let n = layer.inputs();
    let (input, input_stride) = if layer.is_int8() {
        (bytes.cast_const(), layer.byte_stride())
    } else {
        (values.cast_const().cast(), 4 * float_stride(n))
    };
    LinearArgs {
        input,
        input_stride,
        scales,
        rows,
        out: ptr::null_mut(),
        out_stride: 0,
        block: layer.outputs(),
        block_stride: 0,
        residual: ptr::null(),
        activation: Activation::Identity,
    }
}

/// Quantises rows for a layer.
///
/// # Safety
///
/// `rows` lie within `values`, `bytes` and `scales`, and are this thread's.
unsafe fn quantize(layer: &Linear, rows: Range<usize>, values: *mut f32, bytes: *mut u8, scales: *mut RowScale) {
    let n = layer.inputs();
    let exact = layer.exact_columns();
    for row in rows {
        // SAFETY: the caller vouches for the row; exact columns are inputs of the layer.
        unsafe {
            *scales.add(row) = (layer.kernels.quantize)(&QuantizeArgs {
                row: values.add(row * float_stride(n)),
                n,
                exact: exact.as_ptr(),
                exact_count: exact.len(),
                out: bytes.add(row * layer.byte_stride()),
            });
        }
    }
}
