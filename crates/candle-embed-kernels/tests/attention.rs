//! Attention and layer norm of every tier this machine has, against f64.

mod common;

use candle_embed_kernels::{Attention, AttentionScratch, DistanceBias, Isa, LayerNorm};
use common::{Random, assert_close, attention, layer_norm};
use proptest::prelude::*;

fn check(heads: usize, size: usize, lengths: &[usize], biased: bool, seed: u64) {
    let mut random = Random(seed);
    let width = heads * size;
    let mut offsets = vec![0];
    for length in lengths {
        offsets.push(offsets[offsets.len() - 1] + length);
    }
    let tokens = offsets[lengths.len()];
    let qkv: Vec<f32> = random.vector(tokens * 3 * width).iter().map(|x| 3.0 * x).collect();
    let longest = lengths.iter().copied().max().unwrap_or(1).max(1);
    let table = random.vector(heads * (2 * longest - 1));
    let bias = biased.then(|| DistanceBias { values: table.clone(), longest });
    for isa in Isa::available() {
        let layer = Attention::new(isa, heads, size, bias.clone()).unwrap();
        let mut scratch = AttentionScratch::default();
        let mut out = vec![f32::NAN; tokens * width];
        layer.forward(&qkv, &offsets, &mut scratch, &mut out);
        for pair in offsets.windows(2) {
            let sequence = &qkv[pair[0] * 3 * width..pair[1] * 3 * width];
            let expected = attention(sequence, heads, size, |head, query, key| {
                let at = head * (2 * longest - 1) + longest - 1 + key - query;
                if biased { f64::from(table[at]) } else { 0.0 }
            });
            let got = &out[pair[0] * width..pair[1] * width];
            assert_close(got, &expected, 1.5e-5, isa.name());
            let mut alone = vec![f32::NAN; got.len()];
            layer.forward(sequence, &[0, pair[1] - pair[0]], &mut scratch, &mut alone);
            assert!(alone.iter().zip(got).all(|(a, b)| a.to_bits() == b.to_bits()), "{}", isa.name());
        }
    }
}

#[test]
fn every_length_up_to_three_tiles() {
    for length in 0..=50 {
        check(2, 32, &[length], false, length as u64);
    }
}

#[test]
fn every_head_size() {
    for size in (8..=128).step_by(8).chain([1, 5, 50]) {
        check(2, size, &[7, 33, 1], false, size as u64);
    }
}

#[test]
fn biased_scores() {
    check(3, 32, &[5, 40, 17], true, 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_batch(lengths in prop::collection::vec(0usize..90, 1..5), wide in any::<bool>(), seed in any::<u64>()) {
        check(2, if wide { 64 } else { 32 }, &lengths, seed % 2 == 0, seed);
    }
}

#[test]
fn very_different_scores_stay_finite() {
    for isa in Isa::available() {
        let layer = Attention::new(isa, 1, 8, None).unwrap();
        let mut qkv = vec![0.0f32; 20 * 24];
        for (token, row) in qkv.chunks_exact_mut(24).enumerate() {
            row[0] = 1e3;
            row[8] = if token == 3 { 1e3 } else { -1e3 };
            row[16] = token as f32;
        }
        let mut out = vec![f32::NAN; 20 * 8];
        layer.forward(&qkv, &[0, 20], &mut AttentionScratch::default(), &mut out);
        assert!(out.chunks_exact(8).all(|row| (row[0] - 3.0).abs() < 1e-6), "{}", isa.name());
    }
}

/// Some rows keep to the range that needs no maximum, others leave it at either end, by a little and by far.
#[test]
fn scores_of_every_size() {
    let (heads, size, count) = (2, 32, 40);
    let width = heads * size;
    let mut random = Random(9);
    let mut qkv = random.vector(count * 3 * width);
    for (token, row) in qkv.chunks_exact_mut(3 * width).enumerate() {
        // Keys around 1: a query of one sign has scores of one sign, up to 0.02 to 2000 in size.
        let sign = if token % 2 == 0 { 1.0 } else { -1.0 };
        let scale = [0.004, 1.0, 8.0, 11.0, 12.0, 13.0, 14.0, 16.0, 40.0, 400.0][token / 2 % 10];
        row[..width].iter_mut().for_each(|x| *x = sign * scale * (1.0 + 0.1 * *x));
        row[width..2 * width].iter_mut().for_each(|x| *x = 1.0 + 0.1 * *x);
    }
    for biased in [false, true] {
        let bias = DistanceBias { values: random.vector(heads * (2 * count - 1)), longest: count };
        let table = bias.values.clone();
        let expected = attention(&qkv, heads, size, |head, query, key| {
            let at = head * (2 * count - 1) + count - 1 + key - query;
            if biased { f64::from(table[at]) } else { 0.0 }
        });
        for isa in Isa::available() {
            let layer = Attention::new(isa, heads, size, biased.then(|| bias.clone())).unwrap();
            let mut out = vec![f32::NAN; count * width];
            layer.forward(&qkv, &[0, count], &mut AttentionScratch::default(), &mut out);
            for (token, (out, expected)) in out.chunks_exact(width).zip(expected.chunks_exact(width)).enumerate() {
                // Rounding of a score of 2000 is 1e-4, and as much in the powers.
                let tolerance = if token / 2 % 10 < 8 { 6e-5 } else { 3e-3 };
                assert_close(out, expected, tolerance, isa.name());
            }
        }
    }
}

/// Sequences around the reach, around whole panels and much longer; scores that need the maximum, also of unseen keys.
#[test]
fn windows() {
    let (heads, size) = (2, 24);
    let width = heads * size;
    for (reach, scale) in [(0, 3.0), (1, 3.0), (7, 3.0), (16, 60.0), (33, 3.0), (64, 3.0)] {
        for count in [1, reach + 1, reach + 2, 2 * reach + 1, 64, 65, 200] {
            let qkv: Vec<f32> = Random(count as u64).vector(count * 3 * width).iter().map(|x| scale * x).collect();
            let expected =
                attention(
                    &qkv,
                    heads,
                    size,
                    |_, query, key| {
                        if query.abs_diff(key) <= reach { 0.0 } else { f64::NEG_INFINITY }
                    },
                );
            for isa in Isa::available() {
                let layer = Attention::new(isa, heads, size, None).unwrap().with_window(reach);
                let mut out = vec![f32::NAN; count * width];
                layer.forward(&qkv, &[0, count], &mut AttentionScratch::default(), &mut out);
                let tolerance = if scale > 10.0 { 3e-2 } else { 1.5e-5 };
                assert_close(&out, &expected, tolerance, &format!("{}, {reach} of {count}", isa.name()));
            }
        }
    }
}

#[test]
fn layer_norm_of_every_width() {
    let mut random = Random(5);
    for n in (1..70).chain([384, 768, 1023]) {
        let x: Vec<f32> = random.vector(2 * n).iter().map(|x| 4.0 * x + 2.0).collect();
        let (gamma, beta) = (random.vector(n), random.vector(n));
        for isa in Isa::available() {
            let norm = LayerNorm::new(isa, gamma.clone(), Some(beta.clone()), 1e-12).unwrap();
            let mut rows = x.clone();
            norm.forward(&mut rows);
            for (row, x) in rows.chunks_exact(n).zip(x.chunks_exact(n)) {
                // A single value has no variance: its difference from the mean is rounding, divided by sqrt(eps).
                if n > 1 {
                    assert_close(row, &layer_norm(x, &gamma, &beta, 1e-12), 5e-5 / (n as f64).min(10.0), isa.name());
                }
            }
        }
    }
}
