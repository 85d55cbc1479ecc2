//! How many threads a model computes with, and work beside the caller's.

use std::env;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread::{self, Builder, Scope, ScopedJoinHandle};

use crate::error::{Error, Result};

/// More than any machine profits from; a guard against a typo.
const MAX_THREADS: usize = 1024;

/// The `requested` count, else `CANDLE_EMBED_THREADS`, else what the process may use: the smaller of its CPU affinity
/// and its cgroup quota (v1 and v2), so that a container with two CPUs on a large host gets two threads.
pub(crate) fn thread_count(requested: Option<usize>) -> Result<usize> {
    const VARIABLE: &str = "CANDLE_EMBED_THREADS";
    let variable = env::var(VARIABLE).ok().filter(|value| !value.trim().is_empty());
    let (count, origin) = match (requested, variable) {
        (Some(count), _) => (Some(count), "threads"),
        (None, Some(value)) => (value.trim().parse().ok(), VARIABLE),
        (None, None) => (thread::available_parallelism().map(NonZero::get).ok().or(Some(1)), "the CPU quota"),
    };
    count
        .filter(|count| (1..=MAX_THREADS).contains(count))
        .ok_or_else(|| Error::invalid_input(format!("{origin} must be a whole number from 1 to {MAX_THREADS}")))
}

/// Work on a thread of its own; where the system has none to give (WebAssembly never has), its caller does it in the end.
pub(crate) enum Beside<'scope, T> {
    Running(ScopedJoinHandle<'scope, T>),
    Refused(&'scope (dyn Fn() -> T + Sync)),
}

impl<'scope, T: Send + 'scope> Beside<'scope, T> {
    /// Starts `work`.
    pub fn start(scope: &'scope Scope<'scope, '_>, work: &'scope (dyn Fn() -> T + Sync)) -> Self {
        match Builder::new().spawn_scoped(scope, work) {
            Ok(handle) => Self::Running(handle),
            Err(_) => Self::Refused(work),
        }
    }

    /// The result. A panic of the thread goes on in this one.
    pub fn join(self) -> T {
        match self {
            Self::Running(handle) => handle.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Self::Refused(work) => work(),
        }
    }
}
