//! Shares of the machine's peak: linear layers, attention, row kernels, and a MiniLM-shaped forward with random weights.
//!
//! `cargo bench -p candle-embed-kernels [-- linear|attention|rows|forward ...]`. The peak (registers only) is probed before
//! and after each part in the same run, on one thread and on all at once; compare runs on different machines by shares.
#![allow(clippy::print_stdout, reason = "a program that reports")]

use candle_embed_kernels::{
    Activation, Attention, AttentionScratch, Encoder, EncoderLayer, EncoderParts, Ends, ExactColumn, Isa, LayerNorm,
    Linear, Pages, PooledRows, QuantizedRows, ThreadPool, probe,
};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Best of `rounds` runs of at least [`FLOOR`] each, in seconds a call. Runs are shorter than a scheduler's time slice, so
/// that on a busy machine some of them are left alone.
fn best(rounds: usize, mut f: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    let mut calls = 1;
    let mut round = 0;
    while round < rounds {
        let start = Instant::now();
        for _ in 0..calls {
            f();
        }
        let took = start.elapsed();
        if took < FLOOR {
            calls *= 2;
            continue;
        }
        best = best.min(took.as_secs_f64() / calls as f64);
        round += 1;
    }
    best
}

const FLOOR: Duration = Duration::from_micros(400);

/// Peaks in operations a second: f32, int8.
fn peak(isa: Isa, pool: &ThreadPool) -> [f64; 2] {
    let threads = pool.threads() as f64;
    [probe::f32_operations, probe::i8_operations].map(|operations| {
        let rounds = 30_000;
        let seconds = best(20, || {
            pool.for_each(pool.threads(), |_| {
                black_box(operations(isa, black_box(rounds)));
            })
        });
        threads * operations(isa, rounds) as f64 / seconds
    })
}

struct Random(u64);

impl Random {
    /// Roughly normal, mean 0, deviation 1.
    fn normal(&mut self) -> f32 {
        (0..6).map(|_| self.uniform()).sum::<f32>() * 1.414
    }

    /// -0.5 to 0.5
    fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    }

    fn normals(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.normal()).collect()
    }
}

fn linear(isa: Isa, pages: &Pages, shape: [usize; 2], int8: bool, random: &mut Random) -> Linear {
    let [outputs, inputs] = shape;
    let bias = random.normals(outputs);
    if int8 {
        let scales = vec![1.0 / (127.0 * (inputs as f32).sqrt()); outputs];
        // As many exact columns as the embedded model has.
        let exact: Vec<_> =
            (0..4).map(|column| ExactColumn { column: column * 7, weights: random.normals(outputs) }).collect();
        let exact_columns: Vec<usize> = exact.iter().map(|exact| exact.column).collect();
        Linear::pack_i8(isa, pages, shape, Some(&bias), &scales, &exact, |_, row| {
            row.fill_with(|| (random.uniform() * 254.0) as i8);
            exact_columns.iter().for_each(|&column| row[column] = 0);
        })
    } else {
        let size = 1.0 / (inputs as f32).sqrt();
        Linear::pack_f32(isa, pages, shape, Some(&bias), |_, row| row.fill_with(|| random.normal() * size))
    }
    .expect("matching lengths")
}

fn bench_linear(isa: Isa, single: &ThreadPool) {
    let mut random = Random(1);
    println!("linear, one thread, share of one thread's peak (GOP/s)");
    for int8 in [false, true] {
        for shape in [[1152, 384], [384, 384], [1536, 384], [384, 1536], [2304, 768], [3072, 768], [768, 3072]] {
            let layer = linear(isa, &Pages::default(), shape, int8, &mut random);
            let [outputs, inputs] = shape;
            let activation = match (outputs == 4 * inputs, int8) {
                (false, _) => Activation::Identity,
                (true, false) => Activation::Gelu,
                (true, true) => Activation::GeluForBytes,
            };
            print!("  {} {outputs:>4} x {inputs:<4}", if int8 { "int8" } else { "f32 " });
            for m in [1, 7, 16, 64, 256, 1024] {
                let x = random.normals(m * inputs);
                let quantized = QuantizedRows::new(isa, &x, inputs, layer.exact_columns());
                let mut out = vec![0.0; m * outputs];
                let before = peak(isa, single)[usize::from(int8)];
                let seconds = best(60, || {
                    if int8 {
                        layer.forward_quantized(&quantized, activation, None, &mut out);
                    } else {
                        layer.forward(&x, activation, None, &mut out);
                    }
                });
                let rate = (2 * m * inputs * outputs) as f64 / seconds;
                let peak = before.max(peak(isa, single)[usize::from(int8)]);
                print!("  M={m} {:.1}% ({:.0})", 100.0 * rate / peak, rate / 1e9);
            }
            println!();
        }
    }
}

fn bench_attention(isa: Isa, single: &ThreadPool) {
    let mut random = Random(2);
    println!("attention, one thread, share of one thread's f32 peak (GFLOP/s, us a sequence)");
    for (heads, size) in [(12, 32), (12, 64)] {
        let attention = Attention::new(isa, heads, size, None).expect("a shape");
        let mut scratch = AttentionScratch::default();
        print!("  {heads} heads of {size}:");
        for s in [16, 64, 128, 187, 256, 512] {
            let width = heads * size;
            let qkv = random.normals(s * 3 * width);
            let mut out = vec![0.0; s * width];
            let before = peak(isa, single)[0];
            let seconds = best(60, || attention.forward(&qkv, &[0, s], &mut scratch, &mut out));
            let rate = (4 * s * s * width) as f64 / seconds;
            let peak = before.max(peak(isa, single)[0]);
            print!("  S={s} {:.1}% ({:.0}, {:.1})", 100.0 * rate / peak, rate / 1e9, seconds * 1e6);
        }
        println!();
    }
}

fn bench_rows(isa: Isa) {
    let mut random = Random(3);
    println!("row kernels, one thread, ns a token");
    for width in [384, 768] {
        let norm = LayerNorm::new(isa, vec![1.0; width], None, 1e-12).expect("a shape");
        let mut x = random.normals(64 * width);
        let seconds = best(60, || norm.forward(&mut x));
        print!("  layer norm {width}: {:.0}", seconds / 64.0 * 1e9);
    }
    // A layer with one input: all epilogue.
    use Activation::{Gelu, GeluForBytes, GeluTanh, Identity, Silu};
    for activation in [Identity, Gelu, GeluForBytes, GeluTanh, Silu] {
        let layer = linear(isa, &Pages::default(), [1536, 1], false, &mut random);
        let x = random.normals(14);
        let mut out = vec![0.0; 14 * 1536];
        let seconds = best(60, || layer.forward(&x, activation, None, &mut out));
        print!("  {activation:?} 1536: {:.0}", seconds / 14.0 * 1e9);
    }
    for width in [384, 1536] {
        let x = random.normals(14 * width);
        let seconds = best(60, || drop(black_box(QuantizedRows::new(isa, &x, width, &[]))));
        print!("  quantise {width}: {:.0}", seconds / 14.0 * 1e9);
    }
    println!();
}

/// Random embeddings in, mean pooling out.
struct Tables {
    words: Vec<f32>,
    hidden: usize,
}

impl Ends for Tables {
    fn pooled_rows(&self) -> PooledRows {
        PooledRows::All
    }

    fn embed(&self, token: usize, position: usize, row: &mut [f32]) {
        let words = self.words.len() / self.hidden;
        let word = &self.words[token * 7919 % words * self.hidden..][..self.hidden];
        let place = &self.words[position % words * self.hidden..][..self.hidden];
        for ((value, word), place) in row.iter_mut().zip(word).zip(place) {
            *value = word + place;
        }
    }

    fn pool(&self, _: usize, rows: &[f32]) {
        let mut mean = vec![0.0; self.hidden];
        for row in rows.chunks_exact(self.hidden) {
            for (sum, value) in mean.iter_mut().zip(row) {
                *sum += value;
            }
        }
        let scale = self.hidden as f32 / rows.len().max(1) as f32;
        mean.iter_mut().for_each(|sum| *sum *= scale);
        black_box(&mean);
    }
}

fn encoder(isa: Isa, int8: bool, [layers, hidden, heads, wide]: [usize; 4], random: &mut Random) -> Encoder {
    let norm = || LayerNorm::new(isa, vec![1.0; hidden], None, 1e-12).expect("a shape");
    let pages = Pages::default();
    let mut of = |shape| linear(isa, &pages, shape, int8, random);
    let attention = Attention::new(isa, heads, hidden / heads, None).expect("a shape");
    // As the engine does.
    let attention = Arc::new(if int8 { attention.with_bf16() } else { attention });
    let parts = EncoderParts {
        embedding_norm: Some(norm()),
        activation: Activation::Gelu,
        gated: false,
        norm_first: false,
        layers: (0..layers)
            .map(|_| EncoderLayer {
                attention: Arc::clone(&attention),
                rotary: None,
                qkv: of([3 * hidden, hidden]),
                out: of([hidden, hidden]),
                attention_norm: Some(norm()),
                up: of([wide, hidden]),
                down: of([hidden, wide]),
                output_norm: norm(),
            })
            .collect(),
        final_norm: None,
    };
    Encoder::new(parts).expect("matching shapes")
}

fn bench_forward(isa: Isa, single: &ThreadPool, all: &ThreadPool) {
    let mut mixed: Vec<usize> = (0..64).map(|i| if i % 10 < 7 { 10 + i % 9 } else { 120 + i * 37 % 137 }).collect();
    // The engine's order: longest first.
    mixed.sort_unstable_by(|a, b| b.cmp(a));
    let minilm: [(&str, Vec<usize>, usize); 6] = [
        ("one text of 14", vec![14], 15),
        ("one text of 187", vec![187], 9),
        ("short, 32 x 14", vec![14; 32], 9),
        ("mixed, 64", mixed, 5),
        ("long, 8 x 187", vec![187; 8], 7),
        ("long, 5 x 187", vec![187; 5], 7),
    ];
    bench_shape("MiniLM-L6", [6, 384, 12, 1536], &minilm, isa, single, all);
    let base: [(&str, Vec<usize>, usize); 3] =
        [("one text of 14", vec![14], 7), ("short, 32 x 14", vec![14; 32], 3), ("long, 4 x 187", vec![187; 4], 3)];
    bench_shape("base", [12, 768, 12, 3072], &base, isa, single, all);
}

fn bench_shape(
    name: &str,
    shape: [usize; 4],
    workloads: &[(&str, Vec<usize>, usize)],
    isa: Isa,
    single: &ThreadPool,
    all: &ThreadPool,
) {
    let mut random = Random(4);
    println!("forward, {name} shape: share of the ceiling, texts/s");
    let tables = Tables { words: random.normals(1000 * shape[1]), hidden: shape[1] };
    let encoders = [false, true].map(|int8| encoder(isa, int8, shape, &mut random));
    for (name, lengths, rounds) in workloads {
        let mut offsets = vec![0];
        offsets.extend(lengths.iter().scan(0, |sum, n| {
            *sum += n;
            Some(*sum)
        }));
        for (encoder, dtype) in encoders.iter().zip(["f32 ", "int8"]) {
            let [lin, att] = encoder.operations(&offsets);
            print!("  {name:<16} {dtype}");
            let pools = [single, all];
            let mut seconds = [f64::MAX; 2];
            let mut peaks = [[0.0f64; 2]; 2];
            for _ in 0..*rounds {
                for (i, pool) in pools.iter().enumerate() {
                    let now = peak(isa, pool);
                    peaks[i] = [peaks[i][0].max(now[0]), peaks[i][1].max(now[1])];
                    seconds[i] = seconds[i].min(best(2, || encoder.run(pool, &offsets, &tables)));
                }
            }
            for i in 0..2 {
                let [f, int] = peaks[i];
                let ideal = if dtype == "f32 " { (lin + att) / f } else { lin / int + att / f };
                let (threads, rate) = (pools[i].threads(), lengths.len() as f64 / seconds[i]);
                print!(
                    "  {threads} threads {:.1}% ({rate:.0}/s, {:.3} ms)",
                    100.0 * ideal / seconds[i],
                    seconds[i] * 1e3
                );
            }
            println!("  scaling {:.2}", seconds[0] / seconds[1]);
        }
    }
}

fn main() {
    let isa = Isa::detect();
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let (single, all) = (ThreadPool::new(1), ThreadPool::new(cpus));
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let runs = |part: &str| wanted.is_empty() || wanted.iter().any(|w| w == part);
    for pool in [&single, &all] {
        let [f, int] = peak(isa, pool);
        println!(
            "{} peak, {} threads: f32 {:.0} GFLOP/s, int8 {:.0} GOP/s",
            isa.name(),
            pool.threads(),
            f / 1e9,
            int / 1e9
        );
    }
    if runs("linear") {
        bench_linear(isa, &single);
    }
    if runs("attention") {
        bench_attention(isa, &single);
    }
    if runs("rows") {
        bench_rows(isa);
    }
    if runs("forward") {
        bench_forward(isa, &single, &all);
    }
}
