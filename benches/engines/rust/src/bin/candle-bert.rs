//! candle-transformers' `BertModel` as a benchmark engine: one JSON object a line on stdin, one answer a line on stdout.
//! Padded batches in order of length; token ids come ready-made.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config, HiddenAct};
use serde::Deserialize;
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Request {
    Load { model: String },
    Workload { name: String, tokens: String, order: Vec<usize> },
    Embed { name: String, settings: Settings, sample: Vec<usize> },
    Latency { name: String, text: usize, calls: usize, pause: u64 },
    Memory,
}

#[derive(Deserialize)]
struct Settings {
    batch: usize,
}

struct Workload {
    name: String,
    tokens: Vec<Vec<u32>>,
    order: Vec<usize>,
}

#[derive(Default)]
struct Engine {
    model: Option<BertModel>,
    workloads: Vec<Workload>,
}

impl Engine {
    fn answer(&mut self, request: Request) -> Result<Value> {
        match request {
            Request::Load { model } => {
                let start = Instant::now();
                let mut config: Config = serde_json::from_slice(&std::fs::read(format!("{model}/config.json"))?)?;
                // The exact (erf) GELU that the model was trained with, as in all other engines.
                config.hidden_act = HiddenAct::Gelu;
                let file = format!("{model}/model.safetensors");
                // SAFETY: nobody writes the weights during a benchmark.
                let weights = unsafe { VarBuilder::from_mmaped_safetensors(&[file], DType::F32, &Device::Cpu)? };
                self.model = Some(BertModel::load(weights, &config)?);
                Ok(json!({ "seconds": start.elapsed().as_secs_f64(), "versions": { "candle-transformers": "0.11.1" } }))
            }
            Request::Workload { name, tokens, order } => {
                let tokens = serde_json::from_slice(&std::fs::read(tokens)?)?;
                self.workloads.retain(|workload| workload.name != name);
                self.workloads.push(Workload { name, tokens, order });
                Ok(json!({}))
            }
            Request::Embed { name, settings, sample } => {
                let workload = self.workload(&name)?;
                let start = Instant::now();
                let mut vectors = vec![Vec::new(); workload.tokens.len()];
                for batch in workload.order.chunks(settings.batch) {
                    let texts: Vec<&[u32]> = batch.iter().map(|i| workload.tokens[*i].as_slice()).collect();
                    for (i, vector) in batch.iter().zip(self.forward(&texts)?) {
                        vectors[*i] = vector;
                    }
                }
                let seconds = start.elapsed().as_secs_f64();
                let sum: f64 = vectors.iter().flatten().map(|value| f64::from(*value)).sum();
                let sample: Vec<&Vec<f32>> = sample.iter().map(|i| &vectors[*i]).collect();
                Ok(json!({ "seconds": seconds, "sum": sum, "sample": sample }))
            }
            Request::Latency { name, text, calls, pause } => {
                let workload = self.workload(&name)?;
                let tokens = workload.tokens[text].as_slice();
                let mut milliseconds = Vec::with_capacity(calls);
                for _ in 0..calls {
                    std::thread::sleep(Duration::from_millis(pause));
                    let start = Instant::now();
                    self.forward(&[tokens])?;
                    milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
                }
                Ok(json!({ "milliseconds": milliseconds }))
            }
            Request::Memory => Ok(json!({ "rss": status("VmRSS:")?, "peak": status("VmHWM:")? })),
        }
    }

    fn workload(&self, name: &str) -> Result<&Workload> {
        self.workloads.iter().find(|workload| workload.name == name).ok_or_else(|| "no such workload".into())
    }

    /// Mean pooling and unit length, as in candle's own example.
    fn forward(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>> {
        let model = self.model.as_ref().ok_or("no model")?;
        let width = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let mut ids = vec![0u32; texts.len() * width];
        let mut mask = vec![0u32; texts.len() * width];
        for (i, text) in texts.iter().enumerate() {
            ids[i * width..][..text.len()].copy_from_slice(text);
            mask[i * width..][..text.len()].fill(1);
        }
        let shape = (texts.len(), width);
        let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
        let hidden = model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        let mask = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
        let mean = hidden.broadcast_mul(&mask)?.sum(1)?.broadcast_div(&mask.sum(1)?)?;
        let unit = mean.broadcast_div(&mean.sqr()?.sum_keepdim(1)?.sqrt()?)?;
        Ok(unit.to_vec2()?)
    }
}

/// A figure of /proc/self/status in bytes.
fn status(name: &str) -> Result<Option<u64>> {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)).map(str::parse::<u64>).transpose()?;
    Ok(kilobytes.map(|value| value * 1024))
}

fn main() -> Result<()> {
    let mut engine = Engine::default();
    for line in std::io::stdin().lock().lines() {
        let answer = serde_json::from_str(&line?).map_err(Into::into).and_then(|request| engine.answer(request));
        let answer = answer.unwrap_or_else(|error: Box<dyn Error>| json!({ "error": error.to_string() }));
        writeln!(std::io::stdout(), "{answer}")?;
    }
    Ok(())
}
