//! From the token vectors of a text to one vector.
//!
//! The formulas are those of sentence-transformers' `Pooling` module (`sentence_transformer/modules/pooling.py`).

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// One way to pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolingMode {
    /// The first token's vector.
    Cls,
    /// The largest value of each component.
    Max,
    /// The mean of all tokens.
    Mean,
    /// The sum over the square root of the token count.
    MeanSqrtLen,
    /// The mean weighted by position (1, 2, 3, ...).
    WeightedMean,
    /// The last token's vector.
    LastToken,
}

impl PoolingMode {
    /// All modes, in the order in which folders concatenate them that have a flag for each.
    pub const ALL: [Self; 6] =
        [Self::Cls, Self::Max, Self::Mean, Self::MeanSqrtLen, Self::WeightedMean, Self::LastToken];

    /// The name in sentence-transformers' `pooling_mode`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cls => "cls",
            Self::Max => "max",
            Self::Mean => "mean",
            Self::MeanSqrtLen => "mean_sqrt_len_tokens",
            Self::WeightedMean => "weightedmean",
            Self::LastToken => "lasttoken",
        }
    }
}

impl FromStr for PoolingMode {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|mode| mode.as_str()).collect();
            Error::invalid_input(format!("unknown pooling {name:?}; use one of {}", names.join(", ")))
        })
    }
}

/// One or more modes, concatenated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pooling {
    modes: Vec<PoolingMode>,
}

impl Pooling {
    /// Pooling by the given modes, their vectors one after the other.
    pub fn new(modes: Vec<PoolingMode>) -> Self {
        Self { modes }
    }

    /// The modes, in the order of their vectors.
    pub fn modes(&self) -> &[PoolingMode] {
        &self.modes
    }

    /// Length of the pooled vector for token vectors of `hidden_size` components.
    pub fn output_size(&self, hidden_size: usize) -> usize {
        self.modes.len() * hidden_size
    }

    /// Pools `tokens` (row-major, at least one row of `hidden_size`) into `pooled` ([`Self::output_size`] components).
    ///
    /// The first `prompt` rows are left out, where a folder says that a prompt does not count.
    pub fn apply(&self, tokens: &[f32], hidden_size: usize, prompt: usize, pooled: &mut [f32]) {
        for (mode, pooled) in self.modes.iter().zip(pooled.chunks_exact_mut(hidden_size)) {
            pool(*mode, tokens, prompt, pooled);
        }
    }
}

impl fmt::Display for Pooling {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.modes.iter().map(|mode| mode.as_str()).collect();
        formatter.write_str(&names.join("+"))
    }
}

fn pool(mode: PoolingMode, tokens: &[f32], prompt: usize, pooled: &mut [f32]) {
    let hidden_size = pooled.len();
    let count = tokens.len() / hidden_size;
    // A prompt that fills the model's limit leaves nothing: sentence-transformers then takes the first token for cls
    // and gives zeros for the others (max has no value, which the check on the finished vector refuses).
    let prompt = prompt.min(count);
    let kept = count - prompt;
    let rows = tokens[prompt * hidden_size..].chunks_exact(hidden_size);
    match mode {
        PoolingMode::Cls => {
            let first = if kept == 0 { 0 } else { prompt * hidden_size };
            pooled.copy_from_slice(&tokens[first..first + hidden_size]);
        }
        PoolingMode::LastToken if kept == 0 => pooled.fill(0.0),
        PoolingMode::LastToken => pooled.copy_from_slice(&tokens[(count - 1) * hidden_size..]),
        PoolingMode::Max => {
            pooled.fill(f32::NEG_INFINITY);
            for row in rows {
                // Not `f32::max`, which would hide a NaN that the check on the finished vector has to see.
                pooled.iter_mut().zip(row).for_each(|(most, value)| {
                    if *value > *most || value.is_nan() {
                        *most = *value;
                    }
                });
            }
        }
        PoolingMode::Mean => weighted_sum(rows, |_| 1.0, kept as f32, pooled),
        PoolingMode::MeanSqrtLen => weighted_sum(rows, |_| 1.0, (kept as f32).sqrt(), pooled),
        PoolingMode::WeightedMean => {
            // The positions of the tokens in the text, prompt included.
            let total: usize = (prompt + 1..=count).sum();
            weighted_sum(rows, |row| (prompt + row + 1) as f32, total as f32, pooled);
        }
    }
}

fn weighted_sum<'a>(
    rows: impl Iterator<Item = &'a [f32]>,
    weight: impl Fn(usize) -> f32,
    divisor: f32,
    pooled: &mut [f32],
) {
    pooled.fill(0.0);
    for (index, row) in rows.enumerate() {
        let weight = weight(index);
        pooled.iter_mut().zip(row).for_each(|(sum, value)| *sum += value * weight);
    }
    let divisor = divisor.max(1e-9);
    pooled.iter_mut().for_each(|sum| *sum /= divisor);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pooled(modes: &[PoolingMode], tokens: &[f32], hidden_size: usize, prompt: usize) -> Vec<f32> {
        let pooling = Pooling::new(modes.to_vec());
        let mut pooled = vec![0.0; pooling.output_size(hidden_size)];
        pooling.apply(tokens, hidden_size, prompt, &mut pooled);
        pooled
    }

    #[test]
    fn modes_are_concatenated() {
        let modes = [PoolingMode::Max, PoolingMode::Cls, PoolingMode::Mean, PoolingMode::LastToken];
        let tokens = [1.0, -4.0, 3.0, 2.0];
        assert_eq!(pooled(&modes, &tokens, 2, 0), [3.0, 2.0, 1.0, -4.0, 2.0, -1.0, 3.0, 2.0]);
    }

    #[test]
    fn weighted_modes() {
        let modes = [PoolingMode::MeanSqrtLen, PoolingMode::WeightedMean];
        let tokens = [1.0, 2.0, 4.0, 5.0, 0.0, 1.0, 2.0, 0.0];
        assert_eq!(pooled(&modes, &tokens, 2, 0), [3.5, 4.0, 1.7, 1.5]);
    }

    #[test]
    fn prompt_tokens_are_left_out() {
        let tokens = [1.0, 2.0, 6.0, 4.0];
        assert_eq!(
            pooled(&[PoolingMode::Cls, PoolingMode::Mean, PoolingMode::WeightedMean], &tokens, 1, 2),
            [6.0, 5.0, (18.0 + 16.0) / 7.0]
        );
        assert_eq!(
            pooled(&[PoolingMode::Cls, PoolingMode::Mean, PoolingMode::LastToken], &tokens, 1, 9),
            [1.0, 0.0, 0.0]
        );
    }

    #[test]
    fn max_keeps_a_nan() {
        assert!(pooled(&[PoolingMode::Max], &[1.0, f32::NAN, 0.5], 1, 0)[0].is_nan());
    }
}
