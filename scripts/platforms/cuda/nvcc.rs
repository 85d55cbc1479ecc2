// What the two build scripts beside this file share; included, not built by itself.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn out_dir() -> PathBuf {
    PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"))
}

fn nvcc(arguments: &[&str], source: &Path, output: &Path) {
    let mut command = Command::new(env::var_os("NVCC").expect("NVCC is set by cuda-linux-x64.sh"));
    command.args(["-O3", "-std=c++17", "--expt-relaxed-constexpr", "-ccbin", "g++"]).args(arguments);
    command.arg("-o").arg(output).arg(source);
    let status = command.status().expect("nvcc can be started");
    assert!(status.success(), "nvcc failed for {}", source.display());
}

/// Runs `work` for each of `items`, as many at a time as cargo allows jobs.
fn each<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let jobs: usize = env::var("NUM_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(1);
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    work(item);
                }
            });
        }
    });
}
