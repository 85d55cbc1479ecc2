//! The machine's peak from registers alone, measured with the loops of candle-embed-kernels: what shares of the ceiling are
//! shares of. One JSON object a line on stdin, one answer a line on stdout; see METHODOLOGY.md.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use candle_embed_kernels::{Isa, probe};
use serde::Deserialize;
use serde_json::json;

/// A measurement of this many threads at once.
#[derive(Deserialize)]
struct Request {
    threads: usize,
    warm_up_seconds: f64,
    seconds: f64,
}

/// Operations a second of all threads together, working at the same time.
fn sustained(isa: Isa, operations: fn(Isa, usize) -> u64, request: &Request) -> f64 {
    let barrier = Barrier::new(request.threads);
    let run = |limit: f64| {
        // About 10 ms at a time.
        let (start, mut done, rounds) = (Instant::now(), 0, 500_000);
        while start.elapsed() < Duration::from_secs_f64(limit) {
            done += operations(isa, black_box(rounds));
        }
        done as f64 / start.elapsed().as_secs_f64()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..request.threads)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    run(request.warm_up_seconds);
                    barrier.wait();
                    run(request.seconds)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let isa = Isa::detect();
    for line in std::io::stdin().lock().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let f32 = sustained(isa, probe::f32_operations, &request);
        let int8 = sustained(isa, probe::i8_operations, &request);
        let answer = json!({ "isa": isa.name(), "threads": request.threads, "f32": f32, "int8": int8 });
        writeln!(std::io::stdout(), "{answer}")?;
    }
    Ok(())
}
