//! Static embeddings: a look-up and a mean. The one executor of such models; there is nothing that a second one could
//! compute in another way.
//!
//! No token has a state of its own: each text's mean is summed up as its rows are read, so that a text of any length
//! takes no memory besides its ids. Sums are float64, which hides the order of summation from the result.

use std::sync::atomic::{AtomicUsize, Ordering};

use candle_embed_kernels::{PooledRows, ThreadPool, add_to_f64};

use super::{Executor, Finish, PackedTokens};
use crate::error::Result;
use crate::fault;
use crate::spec::{StaticSpec, TableSpec};
use crate::weights::{Table, Weights};

/// Texts that a thread takes at a time: some 20 µs for short ones.
const CHUNK: usize = 8;

/// A table of token embeddings.
pub(crate) struct StaticExecutor {
    table: Table,
    /// The row of each token id, where it is not the id.
    rows: Option<Vec<u32>>,
    /// The factor of each token id.
    factors: Option<Vec<f32>>,
    hidden_size: usize,
}

impl StaticExecutor {
    /// Copies the tensors that `spec` names, as they are stored.
    pub fn new(spec: &StaticSpec, weights: &Weights) -> Result<Self> {
        let TableSpec { weight, rows } = &spec.table;
        let mapping = spec.mapping.as_ref().map(|(name, length)| weights.indices(name, *length, *rows));
        let ids = spec.mapping.as_ref().map_or(*rows, |(_, length)| *length);
        let factors = spec.weights.as_ref().map(|name| weights.vector(name, ids));
        Ok(Self {
            table: weights.matrix(weight, *rows, spec.hidden_size)?.to_table()?,
            rows: mapping.transpose()?,
            factors: factors.transpose()?,
            hidden_size: spec.hidden_size,
        })
    }

    /// The mean of a text's rows; zeros for no tokens.
    fn mean(&self, ids: &[u32], row: &mut [f32], sums: &mut [f64]) {
        sums.fill(0.0);
        for id in ids {
            let id = *id as usize;
            self.table.read_row(self.rows.as_ref().map_or(id, |rows| rows[id] as usize), row);
            if let Some(factors) = &self.factors {
                let factor = factors[id];
                row.iter_mut().for_each(|value| *value *= factor);
            }
            add_to_f64(row, sums);
        }
        let count = ids.len().max(1) as f64;
        row.iter_mut().zip(sums).for_each(|(value, sum)| *value = (*sum / count) as f32);
    }
}

impl Executor for StaticExecutor {
    fn run(&self, threads: &ThreadPool, tokens: PackedTokens<'_>, _: PooledRows, finish: &Finish<'_>) -> Result<()> {
        let next = AtomicUsize::new(0);
        let work = |_rank: usize| {
            let (mut row, mut sums) = (vec![0.0; self.hidden_size], vec![0.0; self.hidden_size]);
            loop {
                let first = next.fetch_add(CHUNK, Ordering::Relaxed);
                if first >= tokens.len() {
                    break;
                }
                for text in first..tokens.len().min(first + CHUNK) {
                    self.mean(tokens.text(text), &mut row, &mut sums);
                    fault::point("pool");
                    finish(text, &row);
                }
            }
        };
        if tokens.len() <= CHUNK {
            work(0);
        } else {
            threads.run_with_helpers(work);
        }
        Ok(())
    }
}
