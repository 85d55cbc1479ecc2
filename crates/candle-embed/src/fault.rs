//! Panics and failures of devices on demand, for tests of what they do to a process. Compiled in by the feature `fault-inject` only.

/// Panics if the stage called `_name` is armed.
#[cfg(not(feature = "fault-inject"))]
#[inline(always)]
pub(crate) fn point(_name: &str) {}

/// Fails as a device would that is armed to.
#[cfg(not(feature = "fault-inject"))]
#[inline(always)]
pub(crate) fn device(_tokens: usize) -> candle_core::Result<()> {
    Ok(())
}

#[cfg(feature = "fault-inject")]
pub use armed::set_fault;
#[cfg(feature = "fault-inject")]
pub(crate) use armed::{device, point};

#[cfg(feature = "fault-inject")]
mod armed {
    use std::sync::{PoisonError, RwLock};

    static ARMED: RwLock<Option<String>> = RwLock::new(None);

    /// Arms a panic in the stage `name` ("load", "tokenize", "forward" or "pool"), a failure of the device that computes
    /// ("device-memory:N": too little for more than N tokens; "device-lost"), or none.
    pub fn set_fault(name: Option<String>) {
        *ARMED.write().unwrap_or_else(PoisonError::into_inner) = name;
    }

    pub(crate) fn point(name: &str) {
        if ARMED.read().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(name) {
            panic!("injected fault: {name}");
        }
    }

    pub(crate) fn device(tokens: usize) -> candle_core::Result<()> {
        let armed = ARMED.read().unwrap_or_else(PoisonError::into_inner);
        match armed.as_deref().map(|name| name.split_once(':').unwrap_or((name, ""))) {
            Some(("device-memory", most)) if most.parse().is_ok_and(|most: usize| tokens > most) => {
                candle_core::bail!(r#"DriverError(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")"#)
            }
            Some(("device-lost", _)) => candle_core::bail!(r#"DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, "injected")"#),
            _ => Ok(()),
        }
    }
}
