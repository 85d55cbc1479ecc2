//! The whole stack: the same bits alone, in any batch and with any number of threads; and the same values as its parts.

mod common;

use candle_embed_kernels::{
    Activation, Attention, AttentionScratch, Encoder, EncoderLayer, EncoderParts, Ends, Isa, LayerNorm, Linear,
    LinearError, Pages, PooledRows, Rotary, ThreadPool,
};
use common::Random;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

const HIDDEN: usize = 64;
const WIDE: usize = 100;
/// Rows of such a width, and of twice it, do not lie side by side: their distance would be a multiple of 2 KB.
const SPREAD: usize = 512;

fn linear(isa: Isa, outputs: usize, inputs: usize, int8: bool, random: &mut Random) -> Linear {
    let bias = random.vector(outputs);
    let size = 2.0 / (inputs as f32).sqrt();
    let weights = random.vector(outputs * inputs);
    let row_of = |row: usize| weights[row * inputs..][..inputs].iter();
    if int8 {
        let scales = vec![size / 127.0; outputs];
        Linear::pack_i8(isa, &Pages::default(), [outputs, inputs], Some(&bias), &scales, &[], |row, values| {
            values.iter_mut().zip(row_of(row)).for_each(|(v, w)| *v = (w * 127.0).round() as i8);
        })
    } else {
        Linear::pack_f32(isa, &Pages::default(), [outputs, inputs], Some(&bias), |row, values| {
            values.iter_mut().zip(row_of(row)).for_each(|(v, w)| *v = w * size);
        })
    }
    .unwrap()
}

/// What the layers are like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// BERT: norms last.
    Bert,
    /// NomicBERT: norms last, rotary positions, a gate.
    Nomic,
    /// ModernBERT: norms first and one at the end, rotary positions, a gate, a window in the second layer.
    Modern,
}

const KINDS: [Kind; 3] = [Kind::Bert, Kind::Nomic, Kind::Modern];
const HEADS: usize = 2;
const PAIRS: usize = 12;
const LONGEST: usize = 300;
const REACH: usize = 9;

fn angle(position: usize, pair: usize) -> f32 {
    position as f32 * 0.9f32.powi(pair as i32)
}

/// Two layers, the second one with the given precision of each linear layer.
fn parts<const HIDDEN: usize, const WIDE: usize>(isa: Isa, kind: Kind, int8: [bool; 4]) -> EncoderParts {
    let mut random = Random(3);
    let (gated, norm_first) = (kind != Kind::Bert, kind == Kind::Modern);
    let angles = || (0..LONGEST * PAIRS).map(|at| angle(at / PAIRS, at % PAIRS));
    let tables = (angles().map(f32::cos).collect(), angles().map(f32::sin).collect());
    let rotary = Arc::new(Rotary::new(isa, PAIRS, tables.0, tables.1).unwrap());
    let mut layer = |first: bool, int8: [bool; 4]| {
        let attention = Attention::new(isa, HEADS, HIDDEN / HEADS, None).unwrap();
        let norm = LayerNorm::new(isa, vec![1.0; HIDDEN], Some(random.vector(HIDDEN)), 1e-12).unwrap();
        EncoderLayer {
            attention: Arc::new(if norm_first && !first { attention.with_window(REACH) } else { attention }),
            rotary: gated.then(|| Arc::clone(&rotary)),
            qkv: linear(isa, 3 * HIDDEN, HIDDEN, int8[0], &mut random),
            out: linear(isa, HIDDEN, HIDDEN, int8[1], &mut random),
            attention_norm: (!norm_first || !first).then_some(norm),
            up: linear(isa, if gated { 2 * WIDE } else { WIDE }, HIDDEN, int8[2], &mut random),
            down: linear(isa, HIDDEN, WIDE, int8[3], &mut random),
            output_norm: LayerNorm::new(isa, vec![1.0; HIDDEN], None, 1e-12).unwrap(),
        }
    };
    EncoderParts {
        embedding_norm: Some(LayerNorm::new(isa, vec![0.5; HIDDEN], None, 1e-12).unwrap()),
        activation: if kind == Kind::Nomic { Activation::Silu } else { Activation::Gelu },
        gated,
        norm_first,
        layers: vec![layer(true, int8.map(|_| int8[0])), layer(false, int8)],
        final_norm: norm_first.then(|| LayerNorm::new(isa, vec![1.5; HIDDEN], None, 1e-12).unwrap()),
    }
}

/// The embedding is a function of the "word"; pooling keeps the rows.
struct Words<'a> {
    words: &'a [u32],
    pooled: PooledRows,
    /// Those of each sequence.
    rows: Vec<Mutex<Vec<f32>>>,
}

impl<'a> Words<'a> {
    fn new(words: &'a [u32], pooled: PooledRows, sequences: usize) -> Self {
        Self { words, pooled, rows: (0..sequences).map(|_| Mutex::default()).collect() }
    }
}

impl Ends for Words<'_> {
    fn pooled_rows(&self) -> PooledRows {
        self.pooled
    }

    fn embed(&self, token: usize, position: usize, row: &mut [f32]) {
        let word = self.words[token];
        assert_ne!(word, u32::MAX, "a bad word");
        let values = Random(u64::from(word) * 1000 + position as u64).vector(row.len());
        row.copy_from_slice(&values);
    }

    fn pool(&self, sequence: usize, rows: &[f32]) {
        let mut own = self.rows[sequence].lock().unwrap();
        assert!(own.is_empty(), "sequence {sequence} is pooled twice");
        own.extend_from_slice(rows);
    }
}

fn offsets(lengths: &[usize]) -> Vec<usize> {
    let mut offsets = vec![0];
    for length in lengths {
        offsets.push(offsets[offsets.len() - 1] + length);
    }
    offsets
}

fn run(encoder: &Encoder, threads: usize, words: &[u32], lengths: &[usize]) -> Vec<f32> {
    run_for(PooledRows::All, encoder, threads, words, lengths)
}

fn run_for(pooled: PooledRows, encoder: &Encoder, threads: usize, words: &[u32], lengths: &[usize]) -> Vec<f32> {
    let ends = Words::new(words, pooled, lengths.len());
    encoder.run(&ThreadPool::new(threads), &offsets(lengths), &ends);
    let hidden = encoder.hidden();
    let first_and_last = |rows: Mutex<Vec<f32>>| {
        let rows = rows.into_inner().unwrap();
        // Those of no tokens are zeros.
        if rows.is_empty() { vec![0.0; 2 * hidden] } else { [&rows[..hidden], &rows[rows.len() - hidden..]].concat() }
    };
    ends.rows.into_iter().flat_map(first_and_last).collect()
}

fn assert_same_bits(a: &[f32], b: &[f32], what: &str) {
    assert!(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()), "{what}");
}

#[test]
fn the_same_bits_in_any_company() {
    let lengths = [14, 3, 0, 150, 1, 29, 130, 14, 8, 260, 7];
    let all = offsets(&lengths);
    let words: Vec<u32> = (0..all[lengths.len()] as u32).map(|i| i * 17 % 101).collect();
    let kinds = Isa::available().into_iter().flat_map(|isa| KINDS.map(|kind| (isa, kind)));
    for (isa, kind) in kinds {
        for int8 in [[false; 4], [true; 4], [false, true, true, false], [true, false, false, true]] {
            let encoder = Encoder::new(parts::<HIDDEN, WIDE>(isa, kind, int8)).unwrap();
            let together = run(&encoder, 1, &words, &lengths);
            assert!(together.iter().all(|x| x.is_finite()));
            for threads in 2..=3 {
                let what = format!("{} {kind:?} {int8:?} {threads} threads", isa.name());
                assert_same_bits(&run(&encoder, threads, &words, &lengths), &together, &what);
                for (i, &length) in lengths.iter().enumerate() {
                    let alone = run(&encoder, threads, &words[all[i]..all[i + 1]], &[length]);
                    assert_same_bits(&alone, &together[i * 2 * HIDDEN..][..2 * HIDDEN], &what);
                }
            }
        }
    }
}

#[test]
fn first_rows_alone_are_the_first_of_all() {
    let lengths = [14, 3, 150, 1, 29, 260, 7];
    let all = offsets(&lengths);
    let words: Vec<u32> = (0..all[lengths.len()] as u32).map(|i| i * 17 % 101).collect();
    for isa in Isa::available() {
        for (kind, int8) in KINDS.into_iter().flat_map(|kind| [[false; 4], [true; 4]].map(|int8| (kind, int8))) {
            let encoder = Encoder::new(parts::<HIDDEN, WIDE>(isa, kind, int8)).unwrap();
            let whole = run(&encoder, 1, &words, &lengths);
            for threads in 1..=3 {
                let what = format!("{} {kind:?} {int8:?} {threads} threads", isa.name());
                let firsts = run_for(PooledRows::First, &encoder, threads, &words, &lengths);
                for (i, &length) in lengths.iter().enumerate() {
                    let own = &firsts[i * 2 * HIDDEN..][..2 * HIDDEN];
                    // One row is both the first and the last.
                    assert_same_bits(&own[..HIDDEN], &own[HIDDEN..], &what);
                    assert_same_bits(&own[..HIDDEN], &whole[i * 2 * HIDDEN..][..HIDDEN], &what);
                    let words = &words[all[i]..all[i + 1]];
                    assert_same_bits(&run_for(PooledRows::First, &encoder, threads, words, &[length]), own, &what);
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "offsets ascend")]
fn an_empty_sequence_has_no_first_row() {
    let encoder = Encoder::new(parts::<HIDDEN, WIDE>(Isa::Scalar, Kind::Bert, [false; 4])).unwrap();
    run_for(PooledRows::First, &encoder, 1, &[1], &[1, 0]);
}

/// The stack step by step, with the public linear layers and norms, and plain loops for what has none: attention with
/// rotary positions and windows, and gates.
fn by_parts<const HIDDEN: usize, const WIDE: usize>(parts: &EncoderParts, words: &[u32]) -> Vec<f32> {
    let tokens = words.len();
    let mut x = vec![0.0; tokens * HIDDEN];
    for (position, row) in x.chunks_exact_mut(HIDDEN).enumerate() {
        Words::new(words, PooledRows::All, 0).embed(position, position, row);
    }
    parts.embedding_norm.as_ref().unwrap().forward(&mut x);
    for layer in &parts.layers {
        let normed = |x: &[f32], norm: Option<&LayerNorm>, now: bool| {
            let mut copy = x.to_vec();
            if let Some(norm) = norm.filter(|_| now) {
                norm.forward(&mut copy);
            }
            copy
        };
        let input = normed(&x, layer.attention_norm.as_ref(), parts.norm_first);
        let mut qkv = vec![0.0; tokens * 3 * HIDDEN];
        layer.qkv.forward(&input, Activation::Identity, None, &mut qkv);
        if layer.rotary.is_some() {
            turn::<HIDDEN>(&mut qkv);
        }
        let mut context = vec![0.0; tokens * HIDDEN];
        match layer.attention.reach() {
            None => layer.attention.forward(&qkv, &[0, tokens], &mut AttentionScratch::default(), &mut context),
            Some(reach) => attend_window::<HIDDEN>(&qkv, reach, &mut context),
        }
        let mut y = vec![0.0; tokens * HIDDEN];
        layer.out.forward(&context, Activation::Identity, Some(&x), &mut y);
        let y = normed(&y, layer.attention_norm.as_ref(), !parts.norm_first);
        let input = normed(&y, Some(&layer.output_norm), parts.norm_first);
        let mut wide = vec![0.0; tokens * layer.up.outputs()];
        if parts.gated {
            layer.up.forward(&input, Activation::Identity, None, &mut wide);
            wide = wide.chunks_exact(2 * WIDE).flat_map(|row| gate(parts.activation, row)).collect();
        } else {
            layer.up.forward(&input, parts.activation, None, &mut wide);
        }
        layer.down.forward(&wide, Activation::Identity, Some(&y), &mut x);
        x = normed(&x, Some(&layer.output_norm), !parts.norm_first);
    }
    if let Some(norm) = &parts.final_norm {
        norm.forward(&mut x);
    }
    x
}

fn turn<const HIDDEN: usize>(qkv: &mut [f32]) {
    for (position, row) in qkv.chunks_exact_mut(3 * HIDDEN).enumerate() {
        for head in row[..2 * HIDDEN].chunks_exact_mut(HIDDEN / HEADS) {
            for pair in 0..PAIRS {
                let (sin, cos) = angle(position, pair).sin_cos();
                let (a, b) = (head[pair], head[pair + PAIRS]);
                (head[pair], head[pair + PAIRS]) = (a * cos - b * sin, b * cos + a * sin);
            }
        }
    }
}

fn attend_window<const HIDDEN: usize>(qkv: &[f32], reach: usize, context: &mut [f32]) {
    let (tokens, size) = (qkv.len() / (3 * HIDDEN), HIDDEN / HEADS);
    let part =
        |token: usize, part: usize, head: usize| &qkv[token * 3 * HIDDEN + part * HIDDEN + head * size..][..size];
    for (query, head) in (0..tokens).flat_map(|query| (0..HEADS).map(move |head| (query, head))) {
        let keys = query.saturating_sub(reach)..tokens.min(query + reach + 1);
        let power = |key: usize| {
            let score: f32 = part(query, 0, head).iter().zip(part(key, 1, head)).map(|(q, k)| q * k).sum();
            (score / (size as f32).sqrt()).exp()
        };
        let sum: f32 = keys.clone().map(power).sum();
        for channel in 0..size {
            let value: f32 = keys.clone().map(|key| power(key) * part(key, 2, head)[channel]).sum();
            context[query * HIDDEN + head * size + channel] = value / sum;
        }
    }
}

fn gate(activation: Activation, row: &[f32]) -> Vec<f32> {
    let (values, factors) = row.split_at(row.len() / 2);
    let erf = |x: f32| {
        // Abramowitz and Stegun 7.1.26: error below 2e-7.
        let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
        let poly = [1.061_405_4, -1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6];
        let tail = poly.iter().fold(0.0, |sum: f32, c| sum * t + c) * t * (-x * x).exp();
        (1.0 - tail).copysign(x)
    };
    let apply = |x: f32| match activation {
        Activation::Silu => x / (1.0 + (-x).exp()),
        _ => 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2)),
    };
    values.iter().zip(factors).map(|(&value, factor)| apply(value) * factor).collect()
}

#[test]
fn the_stack_is_its_parts() {
    check_parts::<HIDDEN, WIDE>(37);
    check_parts::<SPREAD, SPREAD>(17);
}

fn check_parts<const HIDDEN: usize, const WIDE: usize>(tokens: usize) {
    let words: Vec<u32> = (0..tokens as u32).collect();
    for isa in Isa::available() {
        for kind in KINDS {
            let parts = || parts::<HIDDEN, WIDE>(isa, kind, [false; 4]);
            // Twice, in one batch: the second sequence's rows are not the first ones.
            let got = run(&Encoder::new(parts()).unwrap(), 1, &words.repeat(2), &[tokens; 2]);
            let (first, second) = got.split_at(got.len() / 2);
            assert_same_bits(first, second, isa.name());
            let x = by_parts::<HIDDEN, WIDE>(&parts(), &words);
            let expected = [&x[..HIDDEN], &x[(tokens - 1) * HIDDEN..]].concat();
            if kind == Kind::Bert {
                assert_same_bits(first, &expected, isa.name());
            }
            let largest = first.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(largest < 2e-5, "{} {kind:?}: {largest}", isa.name());
        }
    }
}

#[test]
fn int8_and_the_other_tiers_stay_near_scalar_f32() {
    let words: Vec<u32> = (0..50).collect();
    for kind in KINDS {
        let encoder = |isa, int8| Encoder::new(parts::<HIDDEN, WIDE>(isa, kind, int8)).unwrap();
        let reference = run(&encoder(Isa::Scalar, [false; 4]), 1, &words, &[50]);
        let cosine = |other: &[f32]| {
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
            dot(other, &reference) / (dot(other, other) * dot(&reference, &reference)).sqrt()
        };
        for isa in Isa::available() {
            let f32_out = run(&encoder(isa, [false; 4]), 1, &words, &[50]);
            let largest = f32_out.iter().zip(&reference).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(largest < 2e-5, "{} {kind:?}: {largest}", isa.name());
            let int8_out = run(&encoder(isa, [true; 4]), 1, &words, &[50]);
            assert!(cosine(&int8_out) > 0.999, "{} {kind:?}: {}", isa.name(), cosine(&int8_out));
        }
    }
}

#[test]
fn a_panic_leaves_the_encoder_working() {
    let encoder = Encoder::new(parts::<HIDDEN, WIDE>(Isa::detect(), Kind::Modern, [true; 4])).unwrap();
    let words: Vec<u32> = (0..300).collect();
    for lengths in [&[300][..], &[100, 100, 100]] {
        let good = run(&encoder, 2, &words, lengths);
        let mut bad = words.clone();
        bad[250] = u32::MAX;
        assert!(catch_unwind(AssertUnwindSafe(|| run(&encoder, 2, &bad, lengths))).is_err());
        assert_same_bits(&run(&encoder, 2, &words, lengths), &good, "after a panic");
    }
}

#[test]
fn parts_that_do_not_fit_are_an_error() {
    let mut parts = parts::<HIDDEN, WIDE>(Isa::Scalar, Kind::Bert, [false; 4]);
    parts.layers[1].down = linear(Isa::Scalar, HIDDEN, WIDE + 1, false, &mut Random(1));
    let expected = LinearError::Length { what: "down inputs", got: WIDE + 1, expected: WIDE };
    assert_eq!(Encoder::new(parts).err(), Some(expected));
}
