//! The machine's peak from registers alone, measured with the loops of candle-embed-kernels: what shares of the ceiling are
//! shares of. One JSON object a line on stdin, one answer a line on stdout; see METHODOLOGY.md.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Duration;

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

fn main() -> Result<(), Box<dyn Error>> {
    let isa = Isa::detect();
    for line in std::io::stdin().lock().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let [warm_up, time] = [request.warm_up_seconds, request.seconds].map(Duration::from_secs_f64);
        let sustained = |operations| probe::sustained(isa, operations, request.threads, warm_up, time);
        let (f32, int8) = (sustained(probe::f32_operations), sustained(probe::i8_operations));
        let answer = json!({ "isa": isa.name(), "threads": request.threads, "f32": f32, "int8": int8 });
        writeln!(std::io::stdout(), "{answer}")?;
    }
    Ok(())
}
