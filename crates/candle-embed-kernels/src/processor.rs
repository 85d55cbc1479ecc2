//! Which processor a thread runs on.

/// The processor this thread runs on at the moment; `None` where the system does not say.
pub(crate) fn current() -> Option<usize> {
    #[cfg(target_os = "linux")]
    // SAFETY: it takes nothing and changes nothing; -1 where it fails.
    let processor = usize::try_from(unsafe { libc::sched_getcpu() }).ok();
    #[cfg(not(target_os = "linux"))]
    let processor = None;
    processor
}
