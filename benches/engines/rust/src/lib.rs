//! What the benchmark engines in Rust share: one JSON object a line on stdin, the clock, one answer a line on stdout.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What an engine loads.
#[derive(Deserialize)]
pub struct Load {
    /// Its folder or file.
    pub model: String,
    pub threads: usize,
    /// Tokens of a text.
    pub limit: usize,
    pub settings: Settings,
}

/// The choices that the harness tries out.
#[derive(Clone, Deserialize)]
pub struct Settings {
    /// Texts that go into the engine at once.
    pub batch: usize,
    /// Batches of texts of about the same length; otherwise in the order of the file.
    #[serde(default = "yes")]
    pub sorted: bool,
    /// An ONNX file, for engines that read one.
    pub graph: Option<String>,
}

fn yes() -> bool {
    true
}

/// One batch, for engines with a tokenizer of their own and for those that are given token ids.
pub struct Batch<'a> {
    pub texts: Vec<&'a str>,
    pub tokens: Vec<&'a [u32]>,
}

impl Batch<'_> {
    /// Token ids and mask, padded to the longest text: `(ids, mask, texts, tokens)`.
    pub fn padded<T: Copy + Default + From<u8> + TryFrom<u32>>(&self) -> (Vec<T>, Vec<T>, usize, usize) {
        let width = self.tokens.iter().map(|text| text.len()).max().unwrap_or(0);
        let mut ids = vec![T::default(); self.tokens.len() * width];
        let mut mask = ids.clone();
        for (i, text) in self.tokens.iter().enumerate() {
            for (to, id) in ids[i * width..].iter_mut().zip(*text) {
                *to = T::try_from(*id).unwrap_or_default();
            }
            mask[i * width..][..text.len()].fill(T::from(1));
        }
        (ids, mask, self.tokens.len(), width)
    }
}

pub trait Engine {
    /// Loads the model and answers with the versions of what computes.
    fn load(&mut self, request: &Load) -> Result<Value>;

    /// One vector of unit length for each text of the batch.
    fn embed(&mut self, batch: &Batch<'_>, settings: &Settings) -> Result<Vec<Vec<f32>>>;
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Request {
    Load(Load),
    Workload { name: String, texts: String, tokens: String, order: Vec<usize> },
    Embed { name: String, settings: Settings, sample: Vec<usize> },
    Latency { name: String, text: usize, calls: usize, pause: u64, settings: Settings },
    Memory,
}

struct Workload {
    name: String,
    texts: Vec<String>,
    tokens: Vec<Vec<u32>>,
    order: Vec<usize>,
}

impl Workload {
    fn batch(&self, indices: &[usize]) -> Batch<'_> {
        Batch {
            texts: indices.iter().map(|i| self.texts[*i].as_str()).collect(),
            tokens: indices.iter().map(|i| self.tokens[*i].as_slice()).collect(),
        }
    }
}

struct Server<E> {
    engine: E,
    workloads: Vec<Workload>,
}

impl<E: Engine> Server<E> {
    fn answer(&mut self, request: Request) -> Result<Value> {
        match request {
            Request::Load(load) => {
                let start = Instant::now();
                let versions = self.engine.load(&load)?;
                Ok(json!({ "seconds": start.elapsed().as_secs_f64(), "versions": versions }))
            }
            Request::Workload { name, texts, tokens, order } => {
                let texts = serde_json::from_slice(&std::fs::read(texts)?)?;
                let tokens = serde_json::from_slice(&std::fs::read(tokens)?)?;
                self.workloads.retain(|workload| workload.name != name);
                self.workloads.push(Workload { name, texts, tokens, order });
                Ok(json!({}))
            }
            Request::Embed { name, settings, sample } => {
                let (engine, workload) = self.parts(&name)?;
                let start = Instant::now();
                let as_in_file: Vec<usize> = (0..workload.texts.len()).collect();
                let order = if settings.sorted { &workload.order } else { &as_in_file };
                let mut vectors = vec![Vec::new(); workload.texts.len()];
                for indices in order.chunks(settings.batch) {
                    for (i, vector) in indices.iter().zip(engine.embed(&workload.batch(indices), &settings)?) {
                        vectors[*i] = vector;
                    }
                }
                let seconds = start.elapsed().as_secs_f64();
                let sum: f64 = vectors.iter().flatten().map(|value| f64::from(*value)).sum();
                let sample: Vec<&Vec<f32>> = sample.iter().map(|i| &vectors[*i]).collect();
                Ok(json!({ "seconds": seconds, "sum": sum, "sample": sample }))
            }
            Request::Latency { name, text, calls, pause, settings } => {
                let (engine, workload) = self.parts(&name)?;
                let batch = workload.batch(&[text]);
                let mut milliseconds = Vec::with_capacity(calls);
                for _ in 0..calls {
                    std::thread::sleep(Duration::from_millis(pause));
                    let start = Instant::now();
                    engine.embed(&batch, &settings)?;
                    milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
                }
                Ok(json!({ "milliseconds": milliseconds }))
            }
            Request::Memory => Ok(json!({ "rss": status("VmRSS:")?, "peak": status("VmHWM:")? })),
        }
    }

    fn parts(&mut self, name: &str) -> Result<(&mut E, &Workload)> {
        let workload = self.workloads.iter().find(|workload| workload.name == name).ok_or("no such workload")?;
        Ok((&mut self.engine, workload))
    }
}

/// A figure of /proc/self/status in bytes.
fn status(name: &str) -> Result<Option<u64>> {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)).map(str::parse::<u64>).transpose()?;
    Ok(kilobytes.map(|value| value * 1024))
}

/// Answers requests until stdin ends.
pub fn serve(engine: impl Engine) -> Result<()> {
    let mut server = Server { engine, workloads: Vec::new() };
    for line in std::io::stdin().lock().lines() {
        let answer = serde_json::from_str(&line?).map_err(Into::into).and_then(|request| server.answer(request));
        let answer = answer.unwrap_or_else(|error: Box<dyn Error>| json!({ "error": error.to_string() }));
        writeln!(std::io::stdout(), "{answer}")?;
    }
    Ok(())
}
