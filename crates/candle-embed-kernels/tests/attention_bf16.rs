//! Attention with products in bf16, on machines where it pays, against f64 on operands that were rounded alike.

mod common;

use candle_embed_kernels::{Attention, AttentionScratch, DistanceBias, Isa};
use common::{Random, assert_close, attention};
use std::f32::consts::LOG2_E;

/// The nearest bf16.
fn rounded(x: f32) -> f32 {
    let bits = x.to_bits();
    f32::from_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
}

/// Queries, keys and values as the products see them; queries are multiplied with the factor of the scores before.
fn operands(qkv: &[f32], heads: usize, size: usize) -> Vec<f32> {
    let (width, factor) = (heads * size, LOG2_E / (size as f32).sqrt());
    let part = |(at, x): (usize, &f32)| {
        if at % (3 * width) < width { rounded(x * factor) / factor } else { rounded(*x) }
    };
    qkv.iter().enumerate().map(part).collect()
}

/// `None`, said on the console, where the machine has no fast bf16.
#[expect(clippy::print_stderr, reason = "a test that did not run should say so")]
fn tier() -> Option<Isa> {
    let tier = Isa::available().into_iter().find(|isa| *isa == Isa::Avx512Bf16);
    if tier.is_none() {
        eprintln!("skipped: bf16 products are not used on this machine");
    }
    tier
}

/// Two sequences of `count` and 5 tokens whose scores grow with the square of `scale`: those of 60 need the maximum.
fn check(layer: &Attention, size: usize, count: usize, scale: f32, bias: impl Fn(usize, usize, usize) -> f64) {
    let heads = 2;
    let width = heads * size;
    let qkv: Vec<f32> = Random(count as u64 + 1).vector((count + 5) * 3 * width).iter().map(|x| scale * x).collect();
    let mut scratch = AttentionScratch::default();
    let mut out = vec![f32::NAN; (count + 5) * width];
    layer.forward(&qkv, &[0, count, count + 5], &mut scratch, &mut out);
    let qkv = &qkv[..count * 3 * width];
    let out = &out[..count * width];
    let expected = attention(&operands(qkv, heads, size), heads, size, bias);
    // Powers are rounded by 2^-9, and their sum with them.
    assert_close(out, &expected, 6e-3 * f64::from(scale), &format!("{count} tokens, scale {scale}"));
    let mut alone = vec![f32::NAN; count * width];
    layer.forward(qkv, &[0, count], &mut scratch, &mut alone);
    assert!(alone.iter().zip(out).all(|(a, b)| a.to_bits() == b.to_bits()), "{count} tokens alone");
}

const COUNTS: [usize; 4] = [63, 64, 65, 200];

#[test]
fn every_length_and_size_of_scores() {
    let Some(isa) = tier() else { return };
    for size in [32, 64, 96] {
        let layer = Attention::new(isa, 2, size, None).unwrap().with_bf16();
        for count in (0..=50).chain(COUNTS) {
            for scale in [0.01, 3.0, 60.0] {
                check(&layer, size, count, scale, |_, _, _| 0.0);
            }
        }
    }
}

#[test]
fn biased_scores() {
    let Some(isa) = tier() else { return };
    for longest in [5, 17, 40, 200] {
        let values = Random(3).vector(2 * (2 * longest - 1));
        let bias = DistanceBias { values: values.clone(), longest };
        let layer = Attention::new(isa, 2, 32, Some(bias)).unwrap().with_bf16();
        let bias = |head: usize, query: usize, key: usize| {
            f64::from(values[head * (2 * longest - 1) + longest - 1 + key - query])
        };
        check(&layer, 32, longest, 3.0, bias);
    }
}

#[test]
fn windows() {
    let Some(isa) = tier() else { return };
    for reach in [0, 1, 7, 16, 33, 64] {
        let layer = Attention::new(isa, 2, 32, None).unwrap().with_window(reach).with_bf16();
        for count in [1, reach + 1, reach + 2, 2 * reach + 1].into_iter().chain(COUNTS) {
            for scale in [3.0, 60.0] {
                let seen = |query: usize, key: usize| query.abs_diff(key) <= reach;
                check(&layer, 32, count, scale, |_, query, key| if seen(query, key) { 0.0 } else { f64::NEG_INFINITY });
            }
        }
    }
}

/// Heads that are not whole panels keep to f32, and so does every other tier.
#[test]
fn elsewhere_nothing_changes() {
    for isa in Isa::available() {
        for size in [16, 40, 32] {
            if size == 32 && isa == Isa::Avx512Bf16 {
                continue;
            }
            let qkv = Random(1).vector(20 * 3 * size);
            let run = |layer: Attention| {
                let mut out = vec![f32::NAN; 20 * size];
                layer.forward(&qkv, &[0, 20], &mut AttentionScratch::default(), &mut out);
                out
            };
            let new = || Attention::new(isa, 1, size, None).unwrap();
            assert_eq!(run(new().with_bf16()), run(new()), "{}", isa.name());
        }
    }
}
