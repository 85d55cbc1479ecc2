//! What this machine has for the engine: its instruction set, its threads and what they can do at most.

use std::time::Duration;

use candle_embed_kernels::{Isa, probe};

use crate::error::Result;
use crate::threads::thread_count;

/// The machine as the engine sees it.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The instruction-set tier that is used.
    pub isa: &'static str,
    /// Those that the CPU has, best first.
    pub available_isas: Vec<&'static str>,
    /// Threads of a model that is loaded without saying how many.
    pub threads: usize,
}

impl Machine {
    /// Looks at this machine and the environment.
    ///
    /// # Errors
    ///
    /// `INVALID_INPUT` where `CANDLE_EMBED_THREADS` is not a number.
    pub fn detect() -> Result<Self> {
        Ok(Self {
            isa: Isa::detect().name(),
            available_isas: Isa::available().into_iter().map(Isa::name).collect(),
            threads: thread_count(None)?,
        })
    }
}

/// Additions and multiplications (each counts as one) that threads do in a second, from registers alone.
#[derive(Debug, Clone, Copy)]
pub struct Peak {
    /// In float32.
    pub f32: f64,
    /// Products of bytes, summed in int32.
    pub int8: f64,
}

/// Measures the peak of `threads` threads that work at the same time, for about a quarter of a second.
///
/// # Errors
///
/// `INVALID_INPUT` for a number of threads that no model takes.
pub fn measure_peak(threads: usize) -> Result<Peak> {
    let threads = thread_count(Some(threads))?;
    let isa = Isa::detect();
    let sustained =
        |operations| probe::sustained(isa, operations, threads, Duration::from_millis(20), Duration::from_millis(100));
    Ok(Peak { f32: sustained(probe::f32_operations), int8: sustained(probe::i8_operations) })
}
