//! The encoder on Candle tensors, on the CPU: the reference.
//!
//! Texts run one at a time: the shapes of all operations, hence their order of summation, depend on the text alone.
//! Parallelism is across texts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device};
use candle_embed_kernels::{PooledRows, ThreadPool};
use rayon::ThreadPoolBuilder;

use super::network::Network;
use super::{Executor, Finish, PackedTokens};
use crate::error::{Error, Result};
use crate::spec::EncoderSpec;
use crate::weights::Weights;

/// An encoder as Candle tensors in float32.
pub(crate) struct CandleExecutor {
    network: Network,
    /// A rayon pool of one thread for each of our threads: Candle's operations start rayon tasks, which stay on that
    /// thread this way.
    lanes: Vec<rayon::ThreadPool>,
}

impl CandleExecutor {
    /// Copies the tensors that `spec` names, for a pool of `threads` threads and texts of at most `longest` tokens.
    pub fn new(spec: &EncoderSpec, weights: &Weights, threads: usize, longest: usize) -> Result<Self> {
        let lanes = (0..threads).map(|lane| {
            ThreadPoolBuilder::new().num_threads(1).thread_name(move |_| format!("candle-lane-{lane}")).build()
        });
        Ok(Self {
            network: Network::load(spec, weights, &Device::Cpu, DType::F32, longest)?,
            lanes: lanes.collect::<std::result::Result<_, _>>().map_err(Error::internal)?,
        })
    }
}

impl Executor for CandleExecutor {
    fn run(&self, threads: &ThreadPool, tokens: PackedTokens<'_>, _: PooledRows, finish: &Finish<'_>) -> Result<()> {
        let next = AtomicUsize::new(0);
        let outcome = Mutex::new(Ok(()));
        threads.run_with_helpers(|rank| {
            let states_of = |text: usize| {
                let ids = tokens.text(text);
                let alone = PackedTokens { ids, offsets: &[0, ids.len()] };
                self.lanes[rank]
                    .install(|| self.network.encode(alone, &mut |_, _, _| Ok(()))?.flatten_all()?.to_vec1::<f32>())
            };
            loop {
                let text = next.fetch_add(1, Ordering::Relaxed);
                if text >= tokens.len() {
                    break;
                }
                match states_of(text) {
                    Ok(states) => finish(text, &states),
                    Err(error) => {
                        *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Err(Error::internal(error));
                        break;
                    }
                }
            }
        });
        outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
