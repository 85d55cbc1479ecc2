//! Linear layers of every tier this machine has, against f64 and against each other, over all tail shapes.

mod common;

use candle_embed_kernels::{
    Activation, ExactColumn, Isa, Linear, LinearError, MAX_EXACT_COLUMNS, MAX_INPUTS_I8, Pages, QuantizedRows,
};
use common::{Random, gelu, linear};
use proptest::prelude::*;

fn pack(isa: Isa, [outputs, inputs]: [usize; 2], weights: &[f32], bias: &[f32]) -> Linear {
    Linear::pack_f32(isa, &Pages::default(), [outputs, inputs], Some(bias), |row, values| {
        values.copy_from_slice(&weights[row * inputs..][..inputs]);
    })
    .unwrap()
}

fn check_f32(m: usize, n: usize, k: usize, seed: u64) {
    let mut random = Random(seed);
    let (x, weights, bias) = (random.vector(m * k), random.vector(n * k), random.vector(n));
    let residual = random.vector(m * n);
    let expected = linear(&x, &weights, &bias);
    for isa in Isa::available() {
        let layer = pack(isa, [n, k], &weights, &bias);
        let mut out = vec![f32::NAN; m * n];
        layer.forward(&x, Activation::Identity, Some(&residual), &mut out);
        for (i, &(sum, size)) in expected.iter().enumerate() {
            let sum = sum + f64::from(residual[i]);
            let error = (f64::from(out[i]) - sum).abs();
            assert!(error <= 1e-6 * (size + 1.0), "{} m={m} n={n} k={k} at {i}: {error:e}", isa.name());
        }
        let mut alone = vec![f32::NAN; n];
        for row in 0..m {
            let residual = &residual[row * n..][..n];
            layer.forward(&x[row * k..][..k], Activation::Identity, Some(residual), &mut alone);
            let together = &out[row * n..][..n];
            assert!(alone.iter().zip(together).all(|(a, b)| a.to_bits() == b.to_bits()), "{} row {row}", isa.name());
        }
    }
}

/// Bytes stand for themselves (a row that holds 0 and 255), so outputs are the integer sums.
fn check_i8(m: usize, n: usize, k: usize, seed: u64) {
    let mut random = Random(seed);
    let mut x: Vec<f32> = (0..m * k).map(|_| ((random.uniform() + 1.0) * 127.0).round()).collect();
    for row in x.chunks_exact_mut(k) {
        row[0] = 0.0;
        row[k - 1] = 255.0;
    }
    let weights: Vec<i8> = (0..n * k).map(|_| (random.uniform() * 128.0) as i8).collect();
    for isa in Isa::available() {
        let layer = Linear::pack_i8(isa, &Pages::default(), [n, k], None, &vec![1.0; n], &[], |row, values| {
            values.copy_from_slice(&weights[row * k..][..k]);
        })
        .unwrap();
        let quantized = QuantizedRows::new(isa, &x, k, &[]);
        let mut out = vec![f32::NAN; m * n];
        layer.forward_quantized(&quantized, Activation::Identity, None, &mut out);
        for row in 0..m {
            assert_eq!(quantized.scales()[row].scale, 1.0);
            for column in 0..n {
                let products = x[row * k..][..k].iter().zip(&weights[column * k..][..k]);
                let sum: i32 = products.map(|(&a, &w)| a as i32 * i32::from(w)).sum();
                assert_eq!(out[row * n + column], sum as f32, "{} m={m} n={n} k={k}", isa.name());
            }
        }
    }
}

/// A layer whose outputs are exact in f32 whatever way a tier takes to them: small integers, scales of powers of two.
fn exact_outputs(isa: Isa, [m, n, k]: [usize; 3]) -> (Linear, QuantizedRows, Vec<f32>) {
    let mut random = Random((m * n + k) as u64);
    let mut integers =
        |count: usize, size: f32| -> Vec<f32> { (0..count).map(|_| (random.uniform() * size).round()).collect() };
    let (bias, residual) = (integers(n, 100.0), integers(m * n, 100.0));
    let weights = integers(n * k, 127.0);
    let exact = [ExactColumn { column: k / 2, weights: integers(n, 10.0) }];
    let mut x = integers(m * k, 127.0);
    for row in x.chunks_exact_mut(k) {
        row[0] = -127.0;
        row[k - 1] = 128.0;
    }
    let scales: Vec<f32> = (0..n).map(|i| [0.5, 2.0, 0.25][i % 3]).collect();
    let layer = Linear::pack_i8(isa, &Pages::default(), [n, k], Some(&bias), &scales, &exact, |row, values| {
        values.iter_mut().zip(&weights[row * k..]).for_each(|(v, &w)| *v = w as i8);
        values[k / 2] = 0;
    })
    .unwrap();
    let rows = QuantizedRows::new(isa, &x, k, layer.exact_columns());
    (layer, rows, residual)
}

#[test]
fn int8_sums_are_the_same_on_every_tier() {
    for shape in [[1, 12, 8], [2, 13, 9], [7, 24, 64], [8, 37, 100], [19, 40, 131]] {
        let outputs = |isa: Isa| {
            let (layer, rows, residual) = exact_outputs(isa, shape);
            let mut out = vec![f32::NAN; residual.len()];
            layer.forward_quantized(&rows, Activation::Identity, Some(&residual), &mut out);
            out
        };
        let expected = outputs(Isa::Scalar);
        for isa in Isa::available() {
            let same = outputs(isa).iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{} {shape:?}", isa.name());
        }
    }
}

/// Scales, offsets and products that do round: a row has the same bits in a tile of any height, at any place in it.
#[test]
fn int8_rows_do_not_depend_on_their_company() {
    let (m, n, k) = (29, 50, 77);
    let mut random = Random(17);
    let (x, bias, residual) = (random.vector(m * k), random.vector(n), random.vector(m * n));
    let scales: Vec<f32> = random.vector(n).iter().map(|s| (s + 1.5) / 127.0).collect();
    let weights: Vec<i8> = (0..n * k).map(|_| (random.uniform() * 127.0) as i8).collect();
    let exact = [ExactColumn { column: 3, weights: random.vector(n) }];
    for isa in Isa::available() {
        let layer = Linear::pack_i8(isa, &Pages::default(), [n, k], Some(&bias), &scales, &exact, |row, values| {
            values.copy_from_slice(&weights[row * k..][..k]);
            values[3] = 0;
        })
        .unwrap();
        let run = |first: usize, count: usize, activation: Activation| {
            let rows = QuantizedRows::new(isa, &x[first * k..][..count * k], k, &[3]);
            let mut out = vec![f32::NAN; count * n];
            layer.forward_quantized(&rows, activation, Some(&residual[first * n..][..count * n]), &mut out);
            out
        };
        for activation in [Activation::Identity, Activation::Gelu] {
            let alone: Vec<f32> = (0..m).flat_map(|row| run(row, 1, activation)).collect();
            for count in 2..=m {
                let first = (m - count) / 2;
                let together = run(first, count, activation);
                let same = together.iter().zip(&alone[first * n..]).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{} {count} rows, {activation:?}", isa.name());
            }
        }
    }
}

#[test]
fn every_height() {
    for m in 1..=40 {
        check_f32(m, 37, 19, m as u64);
        check_i8(m, 37, 19, m as u64);
    }
}

#[test]
fn every_width_and_depth() {
    for n in 1..=70 {
        check_f32(3, n, 5, n as u64);
        check_i8(3, n, 5, n as u64);
    }
    for k in 2..=70 {
        check_f32(5, 33, k, k as u64);
        check_i8(5, 33, k, k as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_shape(m in 1usize..60, n in 1usize..150, k in 2usize..300, seed in any::<u64>()) {
        check_f32(m, n, k, seed);
        check_i8(m, n, k, seed);
    }
}

#[test]
fn activations_match_their_definitions() {
    let x: Vec<f32> = (-1300..=1300).map(|i| i as f32 * 0.01).chain([-1e30, -100.0, 100.0, 1e30, 0.0, -0.0]).collect();
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let tanh = |x: f64| x * sigmoid(2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3)));
    let silu = |x: f64| x * sigmoid(x);
    let all: [(Activation, &dyn Fn(f64) -> f64); 6] = [
        (Activation::Identity, &|x| x),
        (Activation::Gelu, &gelu),
        (Activation::GeluForBytes, &gelu),
        (Activation::GeluTanh, &tanh),
        (Activation::Relu, &|x| x.max(0.0)),
        (Activation::Silu, &silu),
    ];
    for isa in Isa::available() {
        let layer = pack(isa, [1, 1], &[1.0], &[0.0]);
        for (activation, definition) in all {
            let allowed = if activation == Activation::GeluForBytes { 4e-6 } else { 1.5e-7 };
            let mut out = vec![0.0; x.len()];
            layer.forward(&x, activation, None, &mut out);
            for (&x, &out) in x.iter().zip(&out) {
                let expected = definition(f64::from(x));
                let error = (f64::from(out) - expected).abs();
                assert!(error <= allowed + 3e-7 * expected.abs(), "{} {activation:?} {x}: {error:e}", isa.name());
            }
        }
    }
}

#[test]
fn quantised_rows_stand_for_their_values() {
    let mut random = Random(7);
    for n in [1, 3, 16, 45, 384] {
        let mut x = random.vector(3 * n);
        x[..n].fill(0.25);
        for isa in Isa::available() {
            let two = [0, n / 2];
            for exact in [&[][..], &[n - 1], if n > 1 { &two } else { &[] }] {
                let rows = QuantizedRows::new(isa, &x, n, exact);
                for (at, row) in x.chunks_exact(n).enumerate() {
                    let scale = rows.scales()[at];
                    for (column, (&x, byte)) in row.iter().zip(rows.row(at)).enumerate() {
                        let value = scale.offset + scale.scale * f32::from(byte);
                        let x = if exact.contains(&column) { 0.0 } else { x };
                        assert!((value - x).abs() <= 0.5001 * scale.scale + 1e-6, "{} {n}: {value} {x}", isa.name());
                    }
                    for (&column, &value) in exact.iter().zip(&scale.exact) {
                        assert_eq!(value, row[column]);
                    }
                }
            }
        }
    }
}

#[test]
fn int8_layers_approximate_f32_layers() {
    let (m, n, k) = (9, 50, 200);
    let mut random = Random(11);
    let (x, bias) = (random.vector(m * k), random.vector(n));
    let bytes: Vec<i8> = (0..n * k).map(|_| (random.uniform() * 127.0) as i8).collect();
    let scales: Vec<f32> = (0..n).map(|_| (random.uniform() + 1.5) / 127.0).collect();
    let weights: Vec<f32> = bytes.iter().enumerate().map(|(i, &w)| f32::from(w) * scales[i / k]).collect();
    let expected = linear(&x, &weights, &bias);
    for isa in Isa::available() {
        let layer = Linear::pack_i8(isa, &Pages::default(), [n, k], Some(&bias), &scales, &[], |row, values| {
            values.copy_from_slice(&bytes[row * k..][..k]);
        })
        .unwrap();
        let mut out = vec![0.0; m * n];
        layer.forward_quantized(&QuantizedRows::new(isa, &x, k, &[]), Activation::Identity, None, &mut out);
        for (&out, &(sum, size)) in out.iter().zip(&expected) {
            assert!((f64::from(out) - sum).abs() <= 2e-3 * size, "{}: {out} {sum}", isa.name());
        }
    }
}

/// A channel a thousand times larger than the others makes their bytes useless, unless it is exact.
#[test]
fn exact_columns_keep_an_outlier_out_of_the_bytes() {
    let (m, n, k) = (17, 70, 96);
    let outliers = [5, 64, 95];
    let mut random = Random(13);
    let (mut x, bias) = (random.vector(m * k), random.vector(n));
    for row in x.chunks_exact_mut(k) {
        outliers.iter().for_each(|&column| row[column] *= 1000.0);
    }
    let bytes: Vec<i8> = (0..n * k).map(|_| (random.uniform() * 127.0) as i8).collect();
    let exact: Vec<ExactColumn> =
        outliers.iter().map(|&column| ExactColumn { column, weights: random.vector(n) }).collect();
    let weight = |row: usize, column: usize| match outliers.iter().position(|&outlier| outlier == column) {
        Some(at) => exact[at].weights[row],
        None => f32::from(bytes[row * k + column]) / 127.0,
    };
    let weights: Vec<f32> = (0..n * k).map(|i| weight(i / k, i % k)).collect();
    // Errors are measured against what the other channels contribute.
    let mut small = x.clone();
    small.chunks_exact_mut(k).for_each(|row| outliers.iter().for_each(|&column| row[column] = 0.0));
    let (expected, sizes) = (linear(&x, &weights, &bias), linear(&small, &weights, &bias));
    for isa in Isa::available() {
        let layer = Linear::pack_i8(
            isa,
            &Pages::default(),
            [n, k],
            Some(&bias),
            &vec![1.0 / 127.0; n],
            &exact,
            |row, values| {
                values.copy_from_slice(&bytes[row * k..][..k]);
                outliers.iter().for_each(|&column| values[column] = 0);
            },
        )
        .unwrap();
        assert_eq!(layer.exact_columns(), outliers);
        let rows = QuantizedRows::new(isa, &x, k, layer.exact_columns());
        let mut out = vec![0.0; m * n];
        layer.forward_quantized(&rows, Activation::Identity, None, &mut out);
        for ((&out, &(sum, whole)), &(_, size)) in out.iter().zip(&expected).zip(&sizes) {
            let error = (f64::from(out) - sum).abs();
            assert!(error <= 3e-3 * size + 1e-6 * whole, "{}: {out} {sum}", isa.name());
        }
    }
}

/// The largest sums of either sign that a layer may have; with one input more they could overflow.
#[test]
fn int8_sums_of_the_widest_layers() {
    let pack = |isa: Isa, inputs: usize, weight: i8| {
        Linear::pack_i8(isa, &Pages::default(), [1, inputs], None, &[1.0], &[], |_, row| row.fill(weight))
    };
    let mut x = vec![255.0; MAX_INPUTS_I8];
    x[0] = 0.0;
    for isa in Isa::available() {
        let rows = QuantizedRows::new(isa, &x, MAX_INPUTS_I8, &[]);
        for weight in [i8::MIN, i8::MAX] {
            let mut out = [0.0];
            pack(isa, MAX_INPUTS_I8, weight).unwrap().forward_quantized(&rows, Activation::Identity, None, &mut out);
            let expected = f64::from(weight) * 255.0 * (MAX_INPUTS_I8 - 1) as f64;
            assert!((f64::from(out[0]) / expected - 1.0).abs() < 1e-6, "{}: {} {expected}", isa.name(), out[0]);
        }
        let error = pack(isa, MAX_INPUTS_I8 + 1, 1).err();
        assert_eq!(error, Some(LinearError::TooManyInputs(MAX_INPUTS_I8 + 1)));
    }
}

#[test]
fn wrong_lengths_are_errors() {
    let error = Linear::pack_f32(Isa::Scalar, &Pages::default(), [2, 3], Some(&[0.0]), |_, _| ()).err();
    assert_eq!(error, Some(LinearError::Length { what: "bias", got: 1, expected: 2 }));
    assert_eq!(
        Linear::pack_f32(Isa::Scalar, &Pages::default(), [0, 3], None, |_, _| ()).err(),
        Some(LinearError::Empty)
    );
    let scales = Linear::pack_i8(Isa::Scalar, &Pages::default(), [2, 3], None, &[1.0; 3], &[], |_, _| ()).err();
    assert_eq!(scales, Some(LinearError::Length { what: "scales", got: 3, expected: 2 }));
    let exact = [ExactColumn { column: 3, weights: vec![0.0; 2] }];
    assert!(Linear::pack_i8(Isa::Scalar, &Pages::default(), [2, 3], None, &[1.0; 2], &exact, |_, _| ()).is_err());
    let exact = vec![ExactColumn { column: 0, weights: vec![0.0; 2] }; MAX_EXACT_COLUMNS + 1];
    assert!(Linear::pack_i8(Isa::Scalar, &Pages::default(), [2, 3], None, &[1.0; 2], &exact, |_, _| ()).is_err());
}
