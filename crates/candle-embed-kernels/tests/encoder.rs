//! The whole stack: the same bits alone, in any batch and with any number of threads; and the same values as its parts.

mod common;

use candle_embed_kernels::{
    Activation, Attention, AttentionScratch, Encoder, EncoderLayer, EncoderParts, Ends, Isa, LayerNorm, Linear,
    LinearError, ThreadPool,
};
use common::Random;
use std::panic::{AssertUnwindSafe, catch_unwind};

const HIDDEN: usize = 64;
const WIDE: usize = 100;

fn linear(isa: Isa, outputs: usize, inputs: usize, int8: bool, random: &mut Random) -> Linear {
    let bias = random.vector(outputs);
    let size = 2.0 / (inputs as f32).sqrt();
    let weights = random.vector(outputs * inputs);
    let row_of = |row: usize| weights[row * inputs..][..inputs].iter();
    if int8 {
        let scales = vec![size / 127.0; outputs];
        Linear::pack_i8(isa, [outputs, inputs], Some(&bias), &scales, &[], |row, values| {
            values.iter_mut().zip(row_of(row)).for_each(|(v, w)| *v = (w * 127.0).round() as i8);
        })
    } else {
        Linear::pack_f32(isa, [outputs, inputs], Some(&bias), |row, values| {
            values.iter_mut().zip(row_of(row)).for_each(|(v, w)| *v = w * size);
        })
    }
    .unwrap()
}

/// Two layers, the second one with the given precision of each linear layer.
fn parts(isa: Isa, int8: [bool; 4]) -> EncoderParts {
    let mut random = Random(3);
    let layer = |int8: [bool; 4], random: &mut Random| EncoderLayer {
        qkv: linear(isa, 3 * HIDDEN, HIDDEN, int8[0], random),
        out: linear(isa, HIDDEN, HIDDEN, int8[1], random),
        attention_norm: LayerNorm::new(isa, vec![1.0; HIDDEN], Some(random.vector(HIDDEN)), 1e-12).unwrap(),
        up: linear(isa, WIDE, HIDDEN, int8[2], random),
        down: linear(isa, HIDDEN, WIDE, int8[3], random),
        output_norm: LayerNorm::new(isa, vec![1.0; HIDDEN], None, 1e-12).unwrap(),
    };
    EncoderParts {
        embedding_norm: Some(LayerNorm::new(isa, vec![0.5; HIDDEN], None, 1e-12).unwrap()),
        attention: Attention::new(isa, 2, HIDDEN / 2, None).unwrap(),
        activation: Activation::Gelu,
        layers: vec![layer(int8.map(|_| int8[0]), &mut random), layer(int8, &mut random)],
    }
}

/// The embedding is a function of the "word"; pooling keeps the first and last rows.
struct Words<'a>(&'a [u32]);

impl Ends for Words<'_> {
    fn embed(&self, token: usize, position: usize, row: &mut [f32]) {
        let word = self.0[token];
        assert_ne!(word, u32::MAX, "a bad word");
        let values = Random(u64::from(word) * 1000 + position as u64).vector(row.len());
        row.copy_from_slice(&values);
    }

    fn pool(&self, _: usize, rows: &[f32], out: &mut [f32]) {
        if rows.is_empty() {
            out.fill(0.0);
            return;
        }
        out[..HIDDEN].copy_from_slice(&rows[..HIDDEN]);
        out[HIDDEN..].copy_from_slice(&rows[rows.len() - HIDDEN..]);
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
    let mut out = vec![f32::NAN; lengths.len() * 2 * HIDDEN];
    encoder.run(&ThreadPool::new(threads), &offsets(lengths), &Words(words), &mut out);
    out
}

fn assert_same_bits(a: &[f32], b: &[f32], what: &str) {
    assert!(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()), "{what}");
}

#[test]
fn the_same_bits_in_any_company() {
    let lengths = [14, 3, 0, 150, 1, 29, 130, 14, 8, 260, 7];
    let all = offsets(&lengths);
    let words: Vec<u32> = (0..all[lengths.len()] as u32).map(|i| i * 17 % 101).collect();
    for isa in Isa::available() {
        for int8 in [[false; 4], [true; 4], [false, true, true, false], [true, false, false, true]] {
            let encoder = Encoder::new(parts(isa, int8)).unwrap();
            let together = run(&encoder, 1, &words, &lengths);
            assert!(together.iter().all(|x| x.is_finite()));
            for threads in 2..=3 {
                let what = format!("{} {int8:?} {threads} threads", isa.name());
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
fn the_stack_is_its_parts() {
    let words: Vec<u32> = (0..37).collect();
    for isa in Isa::available() {
        let got = run(&Encoder::new(parts(isa, [false; 4])).unwrap(), 1, &words, &[37]);
        let parts = parts(isa, [false; 4]);
        let mut x = vec![0.0; 37 * HIDDEN];
        for (position, row) in x.chunks_exact_mut(HIDDEN).enumerate() {
            Words(&words).embed(position, position, row);
        }
        parts.embedding_norm.as_ref().unwrap().forward(&mut x);
        for layer in &parts.layers {
            let mut qkv = vec![0.0; 37 * 3 * HIDDEN];
            layer.qkv.forward(&x, Activation::Identity, None, &mut qkv);
            let mut context = vec![0.0; 37 * HIDDEN];
            parts.attention.forward(&qkv, &[0, 37], &mut AttentionScratch::default(), &mut context);
            let mut y = vec![0.0; 37 * HIDDEN];
            layer.out.forward(&context, Activation::Identity, Some(&x), &mut y);
            layer.attention_norm.forward(&mut y);
            let mut wide = vec![0.0; 37 * WIDE];
            layer.up.forward(&y, Activation::Gelu, None, &mut wide);
            layer.down.forward(&wide, Activation::Identity, Some(&y), &mut x);
            layer.output_norm.forward(&mut x);
        }
        assert_same_bits(&got[..HIDDEN], &x[..HIDDEN], isa.name());
        assert_same_bits(&got[HIDDEN..], &x[36 * HIDDEN..], isa.name());
    }
}

#[test]
fn int8_and_the_other_tiers_stay_near_scalar_f32() {
    let words: Vec<u32> = (0..50).collect();
    let reference = run(&Encoder::new(parts(Isa::Scalar, [false; 4])).unwrap(), 1, &words, &[50]);
    let cosine = |other: &[f32]| {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
        dot(other, &reference) / (dot(other, other) * dot(&reference, &reference)).sqrt()
    };
    for isa in Isa::available() {
        let f32_out = run(&Encoder::new(parts(isa, [false; 4])).unwrap(), 1, &words, &[50]);
        let largest = f32_out.iter().zip(&reference).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 2e-5, "{}: {largest}", isa.name());
        let int8_out = run(&Encoder::new(parts(isa, [true; 4])).unwrap(), 1, &words, &[50]);
        assert!(cosine(&int8_out) > 0.999, "{}: {}", isa.name(), cosine(&int8_out));
    }
}

#[test]
fn a_panic_leaves_the_encoder_working() {
    let encoder = Encoder::new(parts(Isa::detect(), [true; 4])).unwrap();
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
    let mut parts = parts(Isa::Scalar, [false; 4]);
    parts.layers[1].down = linear(Isa::Scalar, HIDDEN, WIDE + 1, false, &mut Random(1));
    let expected = LinearError::Length { what: "down inputs", got: WIDE + 1, expected: WIDE };
    assert_eq!(Encoder::new(parts).err(), Some(expected));
}
