//! What is not finite stays so on every tier: a broken model must not give vectors that look like any others.

mod common;

use candle_embed_kernels::{
    Activation, Attention, AttentionScratch, DistanceBias, Isa, LayerNorm, Linear, Pages, QuantizedRows,
};
use common::Random;

const NOT_FINITE: [f32; 3] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];

/// A query or key that is not finite, at each place of a tile and of a panel of keys: the whole row of the output is NaN
/// wherever softmax has a score that is NaN, or an infinite one.
#[test]
fn attention() {
    let (heads, size, width) = (2, 32, 64);
    for isa in Isa::available() {
        let plain = || Attention::new(isa, heads, size, None).unwrap();
        let longest = 40;
        let bias = DistanceBias { values: vec![0.25; heads * (2 * longest - 1)], longest };
        let biased = Attention::new(isa, heads, size, Some(bias)).unwrap();
        for layer in [plain(), plain().with_bf16(), biased, plain().with_window(longest)] {
            for (count, value) in (1..=longest).flat_map(|count| NOT_FINITE.map(|value| (count, value))) {
                let good = Random(count as u64).vector(count * 3 * width);
                let run = |at: usize| {
                    let mut qkv = good.clone();
                    qkv[at] = value;
                    let mut out = vec![0.0; count * width];
                    layer.forward(&qkv, &[0, count], &mut AttentionScratch::default(), &mut out);
                    out
                };
                for token in [0, count / 2, count - 1] {
                    let what = format!("{} {count} tokens, {value} in token {token}", isa.name());
                    // Its scores are NaN or infinite, all of them.
                    let query = run(token * 3 * width + 3);
                    assert!(query[token * width..][..size].iter().all(|x| x.is_nan()), "query, {what}");
                    assert_eq!(query.iter().filter(|x| !x.is_finite()).count(), size, "query, {what}");
                    // The key's score is NaN, inf or -inf, the last of which means that the key does not count.
                    let key = run(token * 3 * width + width + 3);
                    for (row, query) in key.chunks_exact(width).zip(good.chunks_exact(3 * width)) {
                        let unseen = (value * query[3]) == f32::NEG_INFINITY && count > 1;
                        assert_eq!(row[..size].iter().all(|x| x.is_nan()), !unseen, "key, {what}");
                        assert!(row[size..].iter().all(|x| x.is_finite()), "key, {what}");
                    }
                }
            }
        }
    }
}

#[test]
fn scores_that_overflow() {
    let (size, count) = (32, 20);
    for isa in Isa::available() {
        let plain = || Attention::new(isa, 1, size, None).unwrap();
        for layer in [plain(), plain().with_bf16()] {
            let mut qkv: Vec<f32> = Random(1).vector(count * 3 * size);
            qkv[..size].iter_mut().for_each(|x| *x *= 1e25);
            qkv[size..2 * size].iter_mut().for_each(|x| *x *= 1e25);
            let mut out = vec![0.0; count * size];
            layer.forward(&qkv, &[0, count], &mut AttentionScratch::default(), &mut out);
            assert!(out[..size].iter().all(|x| x.is_nan()), "{}", isa.name());
        }
    }
}

/// NaN passes every activation; an infinity where it is the function's limit.
#[test]
fn activations() {
    use Activation::{Gelu, GeluForBytes, GeluTanh, Identity, Relu, Silu};
    for isa in Isa::available() {
        for columns in 1..=70 {
            let layer =
                Linear::pack_f32(isa, &Pages::default(), [columns, 1], None, |_, values| values.fill(1.0)).unwrap();
            for activation in [Identity, Gelu, GeluForBytes, GeluTanh, Relu, Silu] {
                for value in [f32::NAN, -f32::NAN, f32::INFINITY] {
                    let mut out = vec![0.0; columns];
                    layer.forward(&[value], activation, None, &mut out);
                    let kept = |x: &f32| if value.is_nan() { x.is_nan() } else { !x.is_finite() };
                    assert!(out.iter().all(kept), "{} {activation:?} of {value}: {out:?}", isa.name());
                }
            }
        }
    }
}

#[test]
fn layer_norms() {
    for isa in Isa::available() {
        for (n, value) in (1..=70).chain([384]).flat_map(|n| NOT_FINITE.map(|value| (n, value))) {
            let norm = LayerNorm::new(isa, vec![1.0; n], None, 1e-12).unwrap();
            for at in 0..n {
                let mut row = Random(n as u64).vector(n);
                row[at] = value;
                norm.forward(&mut row);
                assert!(row.iter().all(|x| x.is_nan()), "{} {value} at {at} of {n}", isa.name());
            }
        }
    }
}

/// Wherever in a row it is, in the bytes or an exact column: no output of an int8 layer is finite.
#[test]
fn quantised_rows() {
    let outputs = 37;
    let scales = vec![0.01; outputs];
    for isa in Isa::available() {
        for (n, value) in (1..=70).chain([150]).flat_map(|n| NOT_FINITE.map(|value| (n, value))) {
            let layer = Linear::pack_i8(isa, &Pages::default(), [outputs, n], None, &scales, &[], |row, values| {
                values.iter_mut().enumerate().for_each(|(at, value)| *value = ((row + at) % 7) as i8 - 3);
            })
            .unwrap();
            for at in 0..n {
                let mut row = Random(n as u64).vector(n);
                row[at] = value;
                let rows = QuantizedRows::new(isa, &row, n, &[]);
                assert!(rows.scales()[0].scale.is_nan(), "{} {value} at {at} of {n}", isa.name());
                let mut out = vec![0.0; outputs];
                layer.forward_quantized(&rows, Activation::Identity, None, &mut out);
                assert!(out.iter().all(|x| x.is_nan()), "{} {value} at {at} of {n}", isa.name());
                let exact = QuantizedRows::new(isa, &row, n, &[at]);
                assert_eq!(exact.scales()[0].exact[0].to_bits(), value.to_bits());
            }
        }
    }
}
