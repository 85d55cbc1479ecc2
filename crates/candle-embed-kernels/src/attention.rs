//! Attention over packed sequences: scores, softmax and values of one sequence and head at a time, in cache.

use crate::attend::AttendArgs;
use crate::isa::Isa;
use crate::kernels::{Halves, Kernels};
use crate::linear::LinearError;
use crate::pack::Aligned;
use std::f32::consts::LOG2_E;
use std::ptr;

/// Up to this many tokens the values are read where the linear layer put them, even if their rows are a page apart; beyond,
/// those fall into too few sets of the first-level cache, and a packed copy pays.
const VALUES_IN_PLACE: usize = 32;

/// Softmax(Q K^T / sqrt(head size) + bias) V for every head, each sequence by itself.
pub struct Attention {
    kernels: &'static Kernels,
    heads: usize,
    head_size: usize,
    bias: Option<DistanceBias>,
    window: Option<Window>,
    halves: Option<&'static Halves>,
}

/// Where the queries, keys and values of a batch lie: a block for each head, one head's rows close together in it, or rows
/// of all heads.
///
/// With rows of all heads, those of one head are pages apart, and attention waits for the second-level cache.
#[derive(Clone, Copy)]
pub(crate) struct QkvLayout {
    /// Columns of a block, out of 3 x width.
    pub block: usize,
    /// Values from one block to the next.
    pub block_stride: usize,
    /// Values from one row of a block to the next.
    pub stride: usize,
}

impl QkvLayout {
    fn column(self, column: usize) -> usize {
        column / self.block * self.block_stride + column % self.block
    }
}

/// Keys further than `reach` tokens from a query are not seen. The keys outside of a tile's reach are left out; the mask
/// is for those that only some of the tile's queries see.
struct Window {
    reach: usize,
    /// Entry `centre + (key - query)`: 0, or [`UNSEEN`].
    mask: Vec<f32>,
    centre: usize,
}

/// Added to scores; finite, so that no sum becomes a NaN. The power of such a score is 2^-100.
const UNSEEN: f32 = -1e30;

/// A bias on scores that depends on head and distance alone, as MPNet's and T5's relative positions do.
#[derive(Clone, Debug, PartialEq)]
pub struct DistanceBias {
    /// `[heads][2 * longest - 1]`: entry `longest - 1 + (key - query)`.
    pub values: Vec<f32>,
    /// The longest sequence the table serves.
    pub longest: usize,
}

/// Working memory of one thread, grown to the longest sequence it has seen.
pub struct AttentionScratch {
    keys: Aligned<f32>,
    values: Aligned<f32>,
    queries: Aligned<f32>,
    powers: Aligned<f32>,
}

impl Default for AttentionScratch {
    fn default() -> Self {
        let empty = || Aligned::zeroed(0);
        Self { keys: empty(), values: empty(), queries: empty(), powers: empty() }
    }
}

impl Attention {
    /// `heads` heads of `head_size` channels (any size; multiples of 16 are fastest).
    pub fn new(isa: Isa, heads: usize, head_size: usize, bias: Option<DistanceBias>) -> Result<Self, LinearError> {
        if heads == 0 || head_size == 0 {
            return Err(LinearError::Empty);
        }
        let bias = match bias {
            None => None,
            Some(DistanceBias { mut values, longest }) => {
                let expected = heads * (2 * longest).saturating_sub(1);
                if values.len() != expected {
                    return Err(LinearError::Length { what: "distance bias", got: values.len(), expected });
                }
                for value in &mut values {
                    *value *= LOG2_E;
                }
                Some(DistanceBias { values, longest })
            }
        };
        Ok(Self { kernels: isa.kernels(), heads, head_size, bias, window: None, halves: None })
    }

    /// The same with each query seeing the keys up to `reach` tokens away, in place of a bias.
    pub fn with_window(self, reach: usize) -> Self {
        // A tile's keys start at most a panel and a tile of queries before its last query's reach.
        let centre = reach + self.kernels.panel + self.kernels.attend.len();
        let seen = |at: usize| at.abs_diff(centre) <= reach;
        let mask = (0..=2 * centre).map(|at| if seen(at) { 0.0 } else { UNSEEN }).collect();
        Self { bias: None, window: Some(Window { reach, mask, centre }), ..self }
    }

    /// The same with products of bf16 (2^-9 of each factor) where the tier has fast ones and heads are whole panels; for
    /// models that compute in int8 elsewhere.
    pub fn with_bf16(self) -> Self {
        let whole = self.head_size.is_multiple_of(self.kernels.panel);
        Self { halves: self.kernels.halves.filter(|_| whole), ..self }
    }

    /// Number of heads.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// Channels of all heads together: the width of an output row; `qkv` rows are three times as wide.
    pub fn width(&self) -> usize {
        self.heads * self.head_size
    }

    /// How far a query sees, where a window bounds it.
    pub fn reach(&self) -> Option<usize> {
        self.window.as_ref().map(|window| window.reach)
    }

    /// The longest sequence [`Attention::forward`] takes, where a distance bias bounds it.
    pub fn longest(&self) -> Option<usize> {
        self.bias.as_ref().map(|bias| bias.longest)
    }

    /// All heads of all sequences on the calling thread. `qkv` has rows of queries, keys and values (each
    /// [`Attention::width`] wide); sequence `i` is rows `offsets[i]..offsets[i + 1]`.
    ///
    /// # Panics
    ///
    /// Where `offsets` do not ascend from 0 to the number of rows, lengths disagree, or a sequence is longer than
    /// [`Attention::longest`].
    pub fn forward(&self, qkv: &[f32], offsets: &[usize], scratch: &mut AttentionScratch, out: &mut [f32]) {
        let width = self.width();
        let rows = offsets.last().copied().unwrap_or(0);
        let layout = QkvLayout { block: 3 * width, block_stride: 0, stride: 3 * width };
        assert!(offsets.first().is_none_or(|&first| first == 0), "offsets start at 0");
        assert_eq!(qkv.len(), rows * 3 * width, "queries, keys and values of {rows} tokens");
        assert_eq!(out.len(), rows * width, "outputs of {rows} tokens");
        for pair in offsets.windows(2) {
            assert!(pair[0] <= pair[1], "offsets ascend");
            let count = pair[1] - pair[0];
            assert!(self.longest().is_none_or(|longest| count <= longest), "a sequence of {count} tokens");
            if count == 0 {
                continue;
            }
            for head in 0..self.heads {
                // SAFETY: the rows of the sequence lie within both slices; `out` is borrowed exclusively.
                unsafe {
                    let qkv = qkv.as_ptr().add(pair[0] * 3 * width);
                    let out = out.as_mut_ptr().add(pair[0] * width);
                    self.head((qkv, layout), [count, count], head, scratch, out, width);
                }
            }
        }
    }

    /// How a linear layer should lay out the queries, keys and values of `rows` tokens, in panels of so many columns.
    pub(crate) fn layout(&self, rows: usize, panel: usize) -> QkvLayout {
        let (size, all) = (self.head_size, 3 * self.width());
        if size.is_multiple_of(panel) {
            QkvLayout { block: size, block_stride: rows * size, stride: size }
        } else {
            QkvLayout { block: all, block_stride: 0, stride: all }
        }
    }

    /// Where a head's queries (part 0), keys or values begin.
    pub(crate) fn part(&self, layout: QkvLayout, part: usize, head: usize) -> usize {
        layout.column(part * self.width() + head * self.head_size)
    }

    /// One head of one sequence: its first `queries` rows over all `count` of them; output rows are `out_stride` values apart.
    ///
    /// # Safety
    ///
    /// `qkv`, in its layout, has `count` rows (at most [`Attention::longest`]), `out` has `queries`, which are no more; nothing
    /// else writes this head's columns.
    pub(crate) unsafe fn head(
        &self,
        (qkv, layout): (*const f32, QkvLayout),
        [queries, count]: [usize; 2],
        head: usize,
        scratch: &mut AttentionScratch,
        out: *mut f32,
        out_stride: usize,
    ) {
        let (kernels, size) = (self.kernels, self.head_size);
        let (panel, stride) = (kernels.panel, layout.stride);
        let padded = count.next_multiple_of(panel);
        scratch.keys.grow(padded * size);
        scratch.queries.grow(kernels.attend.len() * size.next_multiple_of(panel));
        scratch.powers.grow(kernels.attend.len() * padded);
        // Values in one element of the packed keys and powers, tokens in one of the packed values.
        let (attend, pack) = self.halves.map_or((kernels.attend, 1), |halves| (halves.attend, 2));
        // SAFETY: columns of this head stay within a row of `qkv`; the scratch was grown to what the tiles reach.
        unsafe {
            let [query, key, value] = [0, 1, 2].map(|part| qkv.add(self.part(layout, part, head)));
            let keys = scratch.keys.as_mut_ptr();
            match self.halves {
                Some(halves) => (halves.pack_keys)(key, stride, count, size, keys),
                None => (kernels.pack_keys)(key, stride, count, size, panel, keys),
            }
            let (values, value_stride, value_panel) = self.values(value, stride, count, &mut scratch.values);
            let tiles = queries.div_ceil(attend.len());
            let mut row = 0;
            // Heights differ by one at most: two tiles of 8 take less time than 14 and 2.
            for left in (1..=tiles).rev() {
                let rows = (queries - row).div_ceil(left);
                // A multiple of the panel, which is even.
                let (first, last, bias) = self.seen(row, rows, count, head);
                attend[rows - 1](&AttendArgs {
                    query: query.add(row * stride),
                    query_stride: stride,
                    size,
                    factor: LOG2_E / (size as f32).sqrt(),
                    keys: scratch.keys.as_ptr().add(first * size / pack),
                    count: last - first,
                    bias,
                    values: values.add(first / pack * value_stride),
                    value_stride,
                    value_panel,
                    queries: scratch.queries.as_mut_ptr(),
                    powers: scratch.powers.as_mut_ptr(),
                    out: out.add(row * out_stride + head * size),
                    out_stride,
                    shifted_row: kernels.shifted_row,
                });
                row += rows;
            }
        }
    }

    /// The keys that the `rows` queries from `row` on see, from the start of a panel on, and the bias of the first query
    /// and key.
    fn seen(&self, row: usize, rows: usize, count: usize, head: usize) -> (usize, usize, *const f32) {
        match (&self.bias, &self.window) {
            (Some(bias), _) => {
                let at = head * (2 * bias.longest - 1) + bias.longest - 1 - row;
                (0, count, bias.values.as_ptr().wrapping_add(at))
            }
            (None, Some(window)) if count > window.reach + 1 => {
                let first = row.saturating_sub(window.reach) / self.kernels.panel * self.kernels.panel;
                let last = count.min(row + rows + window.reach);
                (first, last, window.mask.as_ptr().wrapping_add(window.centre + first - row))
            }
            _ => (0, count, ptr::null()),
        }
    }

    /// The values as panels: first element, elements from token to token, elements from panel to panel.
    ///
    /// # Safety
    ///
    /// `values` has `count` rows of this head's columns, `stride` elements apart.
    unsafe fn values(
        &self,
        values: *const f32,
        stride: usize,
        count: usize,
        packed: &mut Aligned<f32>,
    ) -> (*const f32, usize, usize) {
        let (panel, size) = (self.kernels.panel, self.head_size);
        if let Some(halves) = self.halves {
            packed.grow(size * count.div_ceil(2));
            // SAFETY: the caller vouches for the rows; `packed` was grown to a pair of tokens in each element.
            unsafe { (halves.pack_values)(values, stride, count, size, packed.as_mut_ptr()) };
            return (packed.as_ptr(), panel, panel * count.div_ceil(2));
        }
        if size.is_multiple_of(panel) && (stride == size || count <= VALUES_IN_PLACE) {
            return (values, stride, panel);
        }
        packed.grow(size.next_multiple_of(panel) * count);
        // SAFETY: the caller vouches for the rows; `packed` was grown to whole panels.
        unsafe { (self.kernels.pack_values)(values, stride, count, size, panel, packed.as_mut_ptr()) };
        (packed.as_ptr(), panel, panel * count)
    }
}
