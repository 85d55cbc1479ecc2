//! References in f64, written without regard to speed.

#![allow(dead_code, reason = "every test file uses its part")]

/// A small generator, so that a failing case is the same everywhere.
pub struct Random(pub u64);

impl Random {
    /// -1 to 1
    pub fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub fn vector(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.uniform()).collect()
    }
}

/// The error function: its series near 0, a continued fraction of erfc beyond; about 1e-15.
pub fn erf(x: f64) -> f64 {
    if x < 0.0 {
        return -erf(-x);
    }
    if x < 2.5 {
        let (mut term, mut sum) = (x, x);
        for n in 1..80 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return sum * std::f64::consts::FRAC_2_SQRT_PI;
    }
    let tail = (1..120).rev().fold(0.0, |tail, n| f64::from(n) / 2.0 / (x + tail));
    1.0 - (-x * x).exp() / (x + tail) / std::f64::consts::PI.sqrt()
}

pub fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2))
}

/// `x W^T + b`, and for each output the sum of the products' sizes, which rounding errors are in proportion to.
pub fn linear(x: &[f32], weights: &[f32], bias: &[f32]) -> Vec<(f64, f64)> {
    let inputs = weights.len() / bias.len();
    let mut out = Vec::new();
    for row in x.chunks_exact(inputs) {
        for (weights, &bias) in weights.chunks_exact(inputs).zip(bias) {
            let products = row.iter().zip(weights).map(|(&a, &b)| f64::from(a) * f64::from(b));
            let sum = products.clone().sum::<f64>() + f64::from(bias);
            out.push((sum, products.map(f64::abs).sum::<f64>() + f64::from(bias).abs()));
        }
    }
    out
}

pub fn layer_norm(row: &[f32], gamma: &[f32], beta: &[f32], eps: f64) -> Vec<f64> {
    let n = row.len() as f64;
    let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = row.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    let inverse = 1.0 / (variance + eps).sqrt();
    row.iter()
        .zip(gamma.iter().zip(beta))
        .map(|(&x, (&gamma, &beta))| (f64::from(x) - mean) * inverse * f64::from(gamma) + f64::from(beta))
        .collect()
}

/// Attention of one sequence; `bias(head, query, key)` is added to the scores.
pub fn attention(qkv: &[f32], heads: usize, size: usize, bias: impl Fn(usize, usize, usize) -> f64) -> Vec<f64> {
    let width = heads * size;
    let count = qkv.len() / (3 * width);
    let at = |token: usize, part: usize, head: usize, dim: usize| {
        f64::from(qkv[token * 3 * width + part * width + head * size + dim])
    };
    let mut out = vec![0.0; count * width];
    for head in 0..heads {
        for query in 0..count {
            let scores: Vec<f64> = (0..count)
                .map(|key| {
                    let dot: f64 = (0..size).map(|d| at(query, 0, head, d) * at(key, 1, head, d)).sum();
                    dot / (size as f64).sqrt() + bias(head, query, key)
                })
                .collect();
            let max = scores.iter().copied().fold(f64::MIN, f64::max);
            let powers: Vec<f64> = scores.iter().map(|score| (score - max).exp()).collect();
            let sum: f64 = powers.iter().sum();
            for dim in 0..size {
                let value: f64 = powers.iter().enumerate().map(|(key, p)| p * at(key, 2, head, dim)).sum();
                out[query * width + head * size + dim] = value / sum;
            }
        }
    }
    out
}

pub fn assert_close(got: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (&got, &expected)) in got.iter().zip(expected).enumerate() {
        let error = (f64::from(got) - expected).abs();
        assert!(error <= tolerance, "{what}: value {i} is {got}, not {expected} (error {error:e})");
    }
}
