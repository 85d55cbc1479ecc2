//! The peak where the system refuses threads.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use candle_embed_kernels::{Isa, probe};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Set in the process that has room for a few of the threads alone.
const CHILD: &str = "CANDLE_EMBED_TEST_FEW_THREADS";

#[test]
fn fewer_threads_than_wanted_are_measured() {
    let time = Duration::from_millis(1);
    if std::env::var_os(CHILD).is_some() {
        assert!(probe::sustained(Isa::detect(), probe::f32_operations, 1000, time, time) > 0.0);
        return;
    }
    // A thread takes 2 MB of address space for its stack.
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -v 400000 && exec \"$0\" fewer_threads"])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, "1")
        .spawn()
        .unwrap();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if start.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            break None;
        }
        thread::sleep(Duration::from_millis(10));
    };
    assert!(status.is_some_and(|status| status.success()), "{status:?}");
}
