//! Panics on demand, for tests of what a panic does to a process. Compiled in by the feature `fault-inject` only.

/// Panics if the stage called `_name` is armed.
#[cfg(not(feature = "fault-inject"))]
#[inline(always)]
pub(crate) fn point(_name: &str) {}

#[cfg(feature = "fault-inject")]
pub(crate) use armed::point;
#[cfg(feature = "fault-inject")]
pub use armed::set_fault;

#[cfg(feature = "fault-inject")]
mod armed {
    use std::sync::{PoisonError, RwLock};

    static ARMED: RwLock<Option<String>> = RwLock::new(None);

    /// Arms the stage `name` ("load", "tokenize", "forward" or "pool"), or none.
    pub fn set_fault(name: Option<String>) {
        *ARMED.write().unwrap_or_else(PoisonError::into_inner) = name;
    }

    pub(crate) fn point(name: &str) {
        if ARMED.read().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(name) {
            panic!("injected fault: {name}");
        }
    }
}
