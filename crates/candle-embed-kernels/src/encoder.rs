//! A transformer encoder on packed tokens: the layers of BERT, RoBERTa and MPNet, of NomicBERT and of ModernBERT.
//!
//! Many sequences: each thread takes chunks of them through all layers, and threads never wait for each other. One
//! sequence: all threads share each step's weight panels, heads and rows, and meet between steps.

use crate::activation::Activation;
use crate::attention::Attention;
use crate::linear::{Linear, LinearError};
use crate::norm::LayerNorm;
use crate::pace::Pace;
use crate::plan::{Costs, plan};
use crate::rotary::Rotary;
use crate::team::{Meeting, Team};
use crate::threads::ThreadPool;
use forward::Chunk;
use scratch::{Buffers, Scratch};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

mod forward;
mod scratch;

/// One layer: `x = norm(x + out(attention(qkv(x))))`, then `x = norm(x + down(activation(up(x))))`; where norms come first,
/// `x = x + out(attention(qkv(norm(x))))`, then `x = x + down(activation(up(norm(x))))`.
pub struct EncoderLayer {
    /// Heads, and their bias or window where the model has one.
    pub attention: Arc<Attention>,
    /// What turns queries and keys before the attention.
    pub rotary: Option<Arc<Rotary>>,
    /// Queries, keys and values in one: hidden to 3 x hidden.
    pub qkv: Linear,
    /// The attention's output projection: hidden to hidden.
    pub out: Linear,
    /// After the attention, or before it, where it may be missing.
    pub attention_norm: Option<LayerNorm>,
    /// Hidden to feed-forward width, or to twice that where the block is gated: values to be activated, then factors.
    pub up: Linear,
    /// Feed-forward width to hidden.
    pub down: Linear,
    /// After the feed-forward part, or before it.
    pub output_norm: LayerNorm,
}

/// What an [`Encoder`] is made of. Each linear layer is f32 or int8 by itself.
pub struct EncoderParts {
    /// Applied to what [`Ends::embed`] writes.
    pub embedding_norm: Option<LayerNorm>,
    /// Between `up` and `down`.
    pub activation: Activation,
    /// `down` takes `activation(a) * b` of what `up` gives.
    pub gated: bool,
    /// Norms come before the sub-layers instead of after them and the residual.
    pub norm_first: bool,
    /// First to last; at least one.
    pub layers: Vec<EncoderLayer>,
    /// After the last layer.
    pub final_norm: Option<LayerNorm>,
}

/// Which of a sequence's last hidden states are pooled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PooledRows {
    /// All rows.
    All,
    /// The first row alone, of sequences that are not empty. The last layer then computes the keys and values of the others
    /// and no more: of twelve layers' work 6 % are saved, of six layers' 12 %.
    First,
}

/// What comes before and after the encoder, called from its threads while the rows are in their cache.
pub trait Ends: Sync {
    /// What [`Ends::pool`] takes.
    fn pooled_rows(&self) -> PooledRows;

    /// Writes the embedding of a token, before the embedding norm: `token` counts over the whole batch, `position`
    /// within its sequence.
    fn embed(&self, token: usize, position: usize, row: &mut [f32]);

    /// Takes a sequence's last hidden states, all or the first. Once for each sequence, in no order.
    fn pool(&self, sequence: usize, rows: &[f32]);
}

/// The whole stack, with its working memory; one run at a time.
pub struct Encoder {
    parts: EncoderParts,
    hidden: usize,
    /// Inputs of `down`.
    feed_forward: usize,
    scratch: Mutex<Vec<Scratch>>,
    pace: Pace,
}

impl Encoder {
    /// Checks that the parts fit together.
    pub fn new(parts: EncoderParts) -> Result<Self, LinearError> {
        let first = parts.layers.first().ok_or(LinearError::Empty)?;
        let (hidden, feed_forward) = (first.attention.width(), first.down.inputs());
        let check = |what, got, expected| {
            if got == expected { Ok(()) } else { Err(LinearError::Length { what, got, expected }) }
        };
        if let Some(norm) = &parts.embedding_norm {
            check("embedding norm", norm.columns(), hidden)?;
        }
        if let Some(norm) = &parts.final_norm {
            check("final norm", norm.columns(), hidden)?;
        }
        for layer in &parts.layers {
            check("attention", layer.attention.width(), hidden)?;
            if let Some(rotary) = &layer.rotary {
                let size = hidden / layer.attention.heads();
                check("rotary channels", rotary.channels().min(size), rotary.channels())?;
            }
            check("qkv inputs", layer.qkv.inputs(), hidden)?;
            check("qkv outputs", layer.qkv.outputs(), 3 * hidden)?;
            check("out inputs", layer.out.inputs(), hidden)?;
            check("out outputs", layer.out.outputs(), hidden)?;
            if let Some(norm) = &layer.attention_norm {
                check("attention norm", norm.columns(), hidden)?;
            }
            check("up inputs", layer.up.inputs(), hidden)?;
            check("up outputs", layer.up.outputs(), if parts.gated { 2 * feed_forward } else { feed_forward })?;
            check("down inputs", layer.down.inputs(), feed_forward)?;
            check("down outputs", layer.down.outputs(), hidden)?;
            check("output norm", layer.output_norm.columns(), hidden)?;
        }
        Ok(Self { parts, hidden, feed_forward, scratch: Mutex::new(Vec::new()), pace: Pace::default() })
    }

    /// Width of a hidden state.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// The longest sequence it takes, where a distance bias or a rotary table bounds it.
    pub fn longest(&self) -> Option<usize> {
        let layers = self.parts.layers.iter();
        layers
            .flat_map(|layer| layer.attention.longest().into_iter().chain(layer.rotary.as_ref().map(|r| r.longest())))
            .min()
    }

    /// Floating-point operations of a forward over these sequences: linear layers, attention. Embedding, norms, softmax
    /// and activations do not count, as is the custom.
    pub fn operations(&self, offsets: &[usize]) -> [f64; 2] {
        let Costs { linear, attention, .. } = self.costs();
        offsets.windows(2).fold([0.0, 0.0], |[l, a], pair| {
            let tokens = (pair[1] - pair[0]) as f64;
            [l + tokens * linear, a + tokens * tokens * attention]
        })
    }

    fn costs(&self) -> Costs {
        let hidden = self.hidden as f64;
        let shares = self.parts.layers.iter().map(|layer| layer.out.panels()).min().unwrap_or(1);
        let mut costs = Costs { linear: 0.0, attention: 0.0, shares };
        for layer in &self.parts.layers {
            let widths = layer.up.outputs() + layer.down.inputs();
            costs.linear += 2.0 * (4.0 * hidden * hidden + hidden * widths as f64);
            // A window is a cost a token: its keys are as many for every query of a long text.
            match layer.attention.reach() {
                None => costs.attention += 4.0 * hidden,
                Some(reach) => costs.linear += 4.0 * hidden * (2 * reach + 1) as f64,
            }
        }
        costs
    }

    /// Runs the sequences `offsets[i]..offsets[i + 1]` (token counts from 0) and has `ends` pool each.
    ///
    /// Working memory is bounded by the longest sequence and the number of threads, not by the batch. Another call on
    /// the same encoder waits.
    ///
    /// # Panics
    ///
    /// Where `offsets` do not ascend from 0, or a sequence is longer than [`Encoder::longest`] or has no [`PooledRows::First`];
    /// and with the first panic of `ends`.
    pub fn run(&self, pool: &ThreadPool, offsets: &[usize], ends: &impl Ends) {
        if offsets.len() < 2 {
            return;
        }
        assert_eq!(offsets[0], 0, "offsets start at 0");
        let pooled = ends.pooled_rows();
        let shortest = usize::from(pooled == PooledRows::First);
        for pair in offsets.windows(2) {
            assert!(pair[0] + shortest <= pair[1], "offsets ascend");
            assert!(self.longest().is_none_or(|longest| pair[1] - pair[0] <= longest), "a sequence is too long");
        }
        let mut plan = plan(offsets, pool.threads(), self.costs());
        // One chunk can be run by a team, or by this thread without waking the others.
        let single = plan.together == 1 && plan.chunks.len() == 1;
        let operations: f64 = self.operations(offsets).iter().sum();
        let way = single.then(|| self.pace.next(operations));
        let alone = way.is_some_and(|way| !way.team);
        if alone {
            plan.together = 0;
        }
        // With one thread there is no team, and no clock is read: WebAssembly has none of its own.
        let started = way.map(|way| (way, Instant::now()));
        let tokens = plan.chunks.iter().map(|c| offsets[c.end] - offsets[c.start]).max().unwrap_or(0);
        // After a panic the scratch holds nothing that the next run would read.
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = pool.threads().max(scratch.len());
        scratch.resize_with(wanted, Scratch::default);
        let used = if plan.together == plan.chunks.len() { 1 } else { pool.threads() };
        for own in &mut scratch[..used] {
            own.grow(tokens, self);
        }
        let buffers: Vec<_> = scratch.iter_mut().map(|own| own.buffers(self)).collect();
        let private: Vec<Mutex<_>> = scratch.iter_mut().map(|own| Mutex::new(own.attention())).collect();
        let meeting = Meeting::new(pool.threads());
        let next = AtomicUsize::new(plan.together);
        let work = |place: usize| {
            let mut private = private[place].lock().unwrap_or_else(PoisonError::into_inner);
            let mut compute = |team: &Team<'_>, buffers: &Buffers, range: &Range<usize>| {
                let chunk = Chunk { offsets: &offsets[range.start..=range.end] };
                // SAFETY: the buffers were grown to the largest chunk; they are this thread's own, or the team's, whose
                // members keep to their shares of each step.
                unsafe {
                    self.forward(team, buffers, &mut private, &chunk, ends);
                    for local in team.share(range.len()) {
                        let (first, count) = chunk.rows(local, pooled);
                        ends.pool(range.start + local, buffers.rows(first, count, self.hidden));
                    }
                }
                team.next_step();
            };
            if plan.together > 0
                && let Some(team) = meeting.join(place)
            {
                plan.chunks[..plan.together].iter().for_each(|range| compute(&team, &buffers[0], range));
            }
            let team = Team::alone();
            while let Some(range) = plan.chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
                compute(&team, &buffers[place], range);
            }
        };
        if alone {
            work(0);
        } else {
            pool.run_with_helpers(work);
        }
        if let Some((way, started)) = started {
            self.pace.record(way, operations, started.elapsed());
        }
    }
}
