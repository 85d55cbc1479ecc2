//! A batch as a device gets it: one upload of numbers, of which everything else is made there.
//!
//! Tokens are packed, so linear layers see no padding. Where attention has no kernel for packed tokens, texts of nearly
//! equal length form groups, padded to their longest; a mask takes the padding out again.

use std::ops::Range;

use candle_core::{DType, Device, Tensor};

use super::PackedTokens;
use crate::spec::PositionSpec;

type CandleResult<T> = candle_core::Result<T>;

/// What a mask adds to a score that must not count. Finite, since a row of -inf alone gives NaN, and far enough from
/// float16's end (65,504) for two masks and a score to be added up.
pub(super) const MASKED: f64 = -30_000.0;

/// Texts up to this length form one group whatever their lengths: their attention is next to nothing.
const SHORT: usize = 16;

/// Scores (texts x heads x tokens x tokens) that are in memory at once: 128 MiB in half precision.
pub(super) const MOST_SCORES: usize = 1 << 26;

/// Products (texts x heads) of one call: a dimension of CUDA's grids ends here, and cuBLAS does not say that all of its kernels
/// split what is longer.
const MOST_PRODUCTS: usize = 65_535;

/// Neighbours in a batch whose attention is computed together.
pub(super) struct Group {
    pub texts: usize,
    /// Their tokens in the batch.
    pub rows: Range<usize>,
    /// Tokens of the longest.
    pub longest: usize,
    /// Where lengths differ.
    pub padding: Option<Padding>,
}

/// How a group's tokens become `texts x longest` rows, and back.
pub(super) struct Padding {
    /// Of each padded row, its token of the group; padding repeats a text's first token.
    pub spread: Tensor,
    /// Of each token of the group, its padded row.
    pub gather: Tensor,
    /// `[texts, 1, 1, longest]`: 0 for a token, [`MASKED`] for padding.
    pub mask: Tensor,
}

/// What a network needs to know of a batch besides its weights.
pub(super) struct Layout {
    /// Token ids.
    pub ids: Tensor,
    /// The row of each token in the position table.
    pub position_rows: Option<Tensor>,
    /// The place of each token in its text.
    pub places: Option<Tensor>,
    /// Where each text starts, and the last one ends.
    #[cfg_attr(not(feature = "flash-attn"), allow(dead_code, reason = "what fused attention on packed tokens takes"))]
    pub bounds: Tensor,
    /// Tokens of the longest text.
    #[cfg_attr(not(feature = "flash-attn"), allow(dead_code, reason = "what fused attention on packed tokens takes"))]
    pub longest: usize,
    /// Empty where attention takes packed tokens.
    pub groups: Vec<Group>,
}

/// What a network wants in a [`Layout`].
pub(super) struct Wanted<'a> {
    pub positions: Option<&'a PositionSpec>,
    pub places: bool,
    /// Heads, where attention is by groups.
    pub grouped_heads: Option<usize>,
    pub dtype: DType,
}

impl Layout {
    /// Uploads what `tokens` are.
    pub fn upload(tokens: PackedTokens<'_>, wanted: &Wanted<'_>, device: &Device) -> CandleResult<Self> {
        let mut upload = Upload::default();
        let ids = upload.add(tokens.ids.iter().copied());
        let texts = || (0..tokens.len()).map(|text| tokens.text(text));
        let position_rows = wanted.positions.map(|spec| upload.add(texts().flat_map(|ids| spec.rows(ids))));
        let places = wanted.places.then(|| upload.add(texts().flat_map(|ids| 0..ids.len() as u32)));
        let bounds = upload.add(tokens.offsets.iter().map(|offset| *offset as u32));
        let groups = wanted.grouped_heads.map_or(Vec::new(), |heads| groups(tokens, heads));
        let paddings: Vec<_> = groups.iter().map(|texts| padding(tokens, texts.clone(), &mut upload)).collect();
        let numbers = upload.finish(device)?;
        let groups = groups.into_iter().zip(paddings).map(|(texts, padding)| {
            let longest = longest(tokens, &texts);
            let padding = padding.map(|(spread, gather, kept)| -> CandleResult<_> {
                let mask =
                    numbers.part(&kept)?.to_dtype(DType::F32)?.affine(-MASKED, MASKED)?.to_dtype(wanted.dtype)?;
                let mask = mask.reshape((texts.len(), 1, 1, longest))?;
                Ok(Padding { spread: numbers.part(&spread)?, gather: numbers.part(&gather)?, mask })
            });
            let rows = tokens.offsets[texts.start]..tokens.offsets[texts.end];
            Ok(Group { texts: texts.len(), rows, longest, padding: padding.transpose()? })
        });
        Ok(Self {
            ids: numbers.part(&ids)?,
            position_rows: position_rows.map(|rows| numbers.part(&rows)).transpose()?,
            places: places.map(|places| numbers.part(&places)).transpose()?,
            bounds: numbers.part(&bounds)?,
            longest: longest(tokens, &(0..tokens.len())),
            groups: groups.collect::<CandleResult<_>>()?,
        })
    }
}

/// Numbers that go to the device together.
#[derive(Default)]
pub(super) struct Upload(Vec<u32>);

/// Numbers on the device.
pub(super) struct Numbers(Tensor);

impl Upload {
    /// Adds `numbers` and says where they are.
    pub fn add(&mut self, numbers: impl Iterator<Item = u32>) -> Range<usize> {
        let start = self.0.len();
        self.0.extend(numbers);
        start..self.0.len()
    }

    /// Uploads all.
    pub fn finish(self, device: &Device) -> CandleResult<Numbers> {
        let count = self.0.len();
        Tensor::from_vec(self.0, count, device).map(Numbers)
    }
}

impl Numbers {
    /// The numbers that were added as `range`.
    pub fn part(&self, range: &Range<usize>) -> CandleResult<Tensor> {
        self.0.narrow(0, range.start, range.len())
    }
}

fn longest(tokens: PackedTokens<'_>, texts: &Range<usize>) -> usize {
    texts.clone().map(|text| tokens.text(text).len()).max().unwrap_or(0)
}

/// Neighbours of nearly equal length: at most a third is padding, and no more scores than [`MOST_SCORES`], nor products than
/// [`MOST_PRODUCTS`].
fn groups(tokens: PackedTokens<'_>, heads: usize) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    let (mut least, mut most) = (0, 0);
    for text in 0..tokens.len() {
        let length = tokens.text(text).len();
        if let Some(group) = groups.last_mut() {
            let (shorter, longer) = (least.min(length), most.max(length));
            let products = (group.len() + 1) * heads;
            let fits = products <= MOST_PRODUCTS && products * longer * longer <= MOST_SCORES;
            if fits && (longer <= SHORT || shorter * 4 >= longer * 3) {
                (least, most) = (shorter, longer);
                group.end += 1;
                continue;
            }
        }
        groups.push(text..text + 1);
        (least, most) = (length, length);
    }
    groups
}

/// `spread`, `gather` and which padded rows are tokens; nothing where all are.
fn padding(
    tokens: PackedTokens<'_>,
    texts: Range<usize>,
    upload: &mut Upload,
) -> Option<(Range<usize>, Range<usize>, Range<usize>)> {
    let longest = longest(tokens, &texts);
    if texts.clone().all(|text| tokens.text(text).len() == longest) {
        return None;
    }
    let first = tokens.offsets[texts.start];
    let lengths = || texts.clone().map(|text| (tokens.offsets[text] - first, tokens.text(text).len()));
    let place = |(start, length): (usize, usize), at: usize| (start + if at < length { at } else { 0 }) as u32;
    let spread = upload.add(lengths().flat_map(|text| (0..longest).map(move |at| place(text, at))));
    let padded_rows = lengths().enumerate();
    let gather = upload.add(padded_rows.flat_map(|(text, (_, length))| {
        let row = text * longest;
        (row..row + length).map(|row| row as u32)
    }));
    let kept = upload.add(lengths().flat_map(|(_, length)| (0..longest).map(move |at| u32::from(at < length))));
    Some((spread, gather, kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(lengths: &[usize]) -> (Vec<u32>, Vec<usize>) {
        let offsets = std::iter::once(0).chain(lengths.iter().scan(0, |sum, length| {
            *sum += length;
            Some(*sum)
        }));
        let offsets: Vec<usize> = offsets.collect();
        ((0..lengths.iter().sum::<usize>() as u32).collect(), offsets)
    }

    #[test]
    fn neighbours_of_nearly_equal_length_are_grouped() {
        let (ids, offsets) = packed(&[512, 400, 383, 200, 16, 3, 1]);
        let tokens = PackedTokens { ids: &ids, offsets: &offsets };
        assert_eq!(groups(tokens, 12), [0..2, 2..3, 3..4, 4..7]);
        let (ids, offsets) = packed(&[4096; 4]);
        assert_eq!(groups(PackedTokens { ids: &ids, offsets: &offsets }, 2), [0..2, 2..4]);
        let (ids, offsets) = packed(&[3; 4096]);
        assert_eq!(groups(PackedTokens { ids: &ids, offsets: &offsets }, 16), [0..4095, 4095..4096]);
    }

    #[test]
    fn padding_repeats_the_first_token_of_its_own_text() {
        let (ids, offsets) = packed(&[3, 1, 2]);
        let tokens = PackedTokens { ids: &ids, offsets: &offsets };
        let wanted = Wanted { positions: None, places: true, grouped_heads: Some(1), dtype: DType::F32 };
        let layout = Layout::upload(tokens, &wanted, &Device::Cpu).unwrap();
        let padding = layout.groups[0].padding.as_ref().unwrap();
        let numbers = |tensor: &Tensor| tensor.to_vec1::<u32>().unwrap();
        assert_eq!(numbers(&padding.spread), [0, 1, 2, 3, 3, 3, 4, 5, 4]);
        assert_eq!(numbers(&padding.gather), [0, 1, 2, 3, 6, 7]);
        assert_eq!(numbers(layout.places.as_ref().unwrap()), [0, 1, 2, 0, 0, 1]);
        assert_eq!(numbers(&layout.bounds), [0, 3, 4, 6]);
        let mask: Vec<f32> = padding.mask.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(mask.iter().map(|each| *each < 0.0).filter(|masked| *masked).count(), 3);
    }
}
