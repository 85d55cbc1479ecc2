//! What runs on GPUs: on Candle's CPU device everywhere, and on every GPU of this build that works on the machine. The
//! others are named, with the reason, by `cargo test -- --nocapture`.
//!
//! One program holds these tests (`scripts/platforms/cuda-linux-x64.sh test`): carried to a machine with a GPU, with
//! `test/fixtures` and `models` below the folder that `CANDLE_EMBED_ROOT` names, `integration device::` runs them there.

#![allow(clippy::print_stdout, reason = "figures and what is skipped, for --nocapture")]

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use candle_embed::{
    DeviceChoice, DeviceReport, DtypeChoice, EmbedOptions, Embedder, ExecutorChoice, LoadOptions, compiled_devices,
    probe_device,
};

use crate::common::{
    Case, cases, cosine, embed, fixture, load_with, max_difference, read_json, rows, string, texts, tiny_models,
};

const DTYPES: [DtypeChoice; 3] = [DtypeChoice::Float32, DtypeChoice::Float16, DtypeChoice::Bfloat16];

/// The GPUs of this machine that work.
fn gpus() -> &'static [DeviceReport] {
    static GPUS: OnceLock<Vec<DeviceReport>> = OnceLock::new();
    GPUS.get_or_init(|| {
        let mut working = Vec::new();
        for device in ["metal", "cuda"] {
            match probe_device(device.parse().unwrap()) {
                Ok(report) => working.push(report),
                Err(error) => println!("skipped on {device}: {error}"),
            }
        }
        working
    })
}

/// The devices that these tests run on.
fn devices() -> Vec<DeviceChoice> {
    [DeviceChoice::Cpu].into_iter().chain(gpus().iter().map(|gpu| gpu.device.parse().unwrap())).collect()
}

fn load_on(folder: &Path, device: DeviceChoice, dtype: DtypeChoice) -> Arc<Embedder> {
    let options = LoadOptions { device, dtype, executor: ExecutorChoice::Device, ..LoadOptions::default() };
    load_with(folder, &options).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

fn encoders() -> Vec<String> {
    let is_static = |name: &String| {
        let info = load_with(&fixture(name), &LoadOptions::default()).unwrap().info().clone();
        info.executor == "static"
    };
    tiny_models().into_iter().filter(|name| !is_static(name)).collect()
}

#[test]
fn vectors_equal_sentence_transformers_in_every_arithmetic() {
    let names = encoders();
    assert!(names.len() >= 15, "{names:?}");
    for (device, dtype) in devices().into_iter().flat_map(|device| DTYPES.map(|dtype| (device, dtype))) {
        let (mut worst, mut least) = (0.0f32, 1.0f32);
        for name in &names {
            let expected = read_json(&fixture(&format!("{name}.expected.json")));
            let model = load_on(&fixture(name), device, dtype);
            assert_eq!(model.info().device, device.to_string());
            let texts: Vec<String> = expected["texts"].as_array().unwrap().iter().map(string).collect();
            for Case { options, vectors, prompt, .. } in cases(&expected, model.info()) {
                let embeddings = model.embed(texts.clone(), &options).unwrap();
                for (index, (row, reference)) in rows(&embeddings).iter().zip(&vectors).enumerate() {
                    let what = format!("{device} {dtype:?}, {name}, {prompt}, text {index}");
                    let scale = reference.iter().fold(1.0f32, |most, value| most.max(value.abs()));
                    let difference = max_difference(row, reference) / scale;
                    worst = worst.max(difference);
                    assert!(dtype != DtypeChoice::Float32 || difference <= 1e-5, "{what}: {difference:e}");
                    if reference.iter().any(|value| *value != 0.0) {
                        let cosine = cosine(row, reference);
                        least = least.min(cosine);
                        assert!(cosine >= 0.9995, "{what}: cosine {cosine}");
                    }
                }
            }
        }
        println!("{device} {dtype:?}: largest difference {worst:e}, least cosine {least}");
    }
}

/// Lengths from nothing to the models' limits in one batch: groups, padding and masks of all kinds.
#[test]
fn mixed_lengths_equal_the_reference() {
    let texts: Vec<String> = texts().into_iter().map(|(_, text)| text).collect();
    for name in ["tiny-bert-mean", "tiny-bert-max-concat", "tiny-mpnet", "tiny-nomic-bert", "tiny-modernbert"] {
        let reference = LoadOptions { executor: ExecutorChoice::Candle, ..LoadOptions::default() };
        let reference = embed(&load_with(&fixture(name), &reference).unwrap(), &texts);
        for device in devices() {
            let embeddings = embed(&load_on(&fixture(name), device, DtypeChoice::Float32), &texts);
            for (index, (row, reference)) in rows(&embeddings).iter().zip(rows(&reference)).enumerate() {
                let difference = max_difference(row, reference);
                assert!(difference <= 1e-5, "{device}, {name}, text {index}: {difference:e}");
            }
            assert_eq!(embeddings.tokens.len(), texts.len());
        }
    }
}

/// Unlike the CPU's own executors, a GPU sums in an order that depends on the shapes of a batch.
#[test]
fn a_text_alone_and_in_a_batch_differ_by_rounding() {
    let texts: Vec<String> = texts().into_iter().map(|(_, text)| text).take(64).collect();
    for (device, dtype) in devices().into_iter().flat_map(|device| DTYPES.map(|dtype| (device, dtype))) {
        let most = match dtype {
            DtypeChoice::Float32 => 1e-5,
            DtypeChoice::Float16 => 5e-3,
            _ => 4e-2,
        };
        let mut worst = 0.0f32;
        for name in ["tiny-bert-mean", "tiny-mpnet", "tiny-modernbert"] {
            let model = load_on(&fixture(name), device, dtype);
            let together = embed(&model, &texts);
            for (text, row) in texts.iter().zip(rows(&together)) {
                let alone = embed(&model, std::slice::from_ref(text));
                worst = worst.max(max_difference(rows(&alone)[0], row));
            }
        }
        println!("{device} {dtype:?}: alone against in a batch, largest difference {worst:e}");
        assert!(worst <= most, "{device} {dtype:?}: {worst:e}");
    }
}

#[test]
fn int8_weights_are_widened() {
    let folder = fixture("../../models/all-MiniLM-L6-v2");
    let texts: Vec<String> = texts().into_iter().map(|(_, text)| text).take(24).collect();
    let widened = LoadOptions { dtype: DtypeChoice::Float32, ..LoadOptions::default() };
    let expected = embed(&load_with(&folder, &widened).unwrap(), &texts);
    for device in devices() {
        let model = load_on(&folder, device, DtypeChoice::Float32);
        assert_eq!(model.info().dtype, "float32");
        for (row, reference) in rows(&embed(&model, &texts)).iter().zip(rows(&expected)) {
            assert!(max_difference(row, reference) <= 1e-5, "{device}");
        }
    }
}

#[test]
fn what_a_device_does_not_do_is_said() {
    let refused = |device, dtype, executor, name: &str| {
        let options = LoadOptions { device, dtype, executor, ..LoadOptions::default() };
        load_with(&fixture(name), &options).err().map(|error| (error.code.as_str(), error.message))
    };
    for (dtype, executor, name, part) in [
        (DtypeChoice::Int8, ExecutorChoice::Device, "tiny-bert-mean", "int8 arithmetic is for the CPU"),
        (DtypeChoice::Float16, ExecutorChoice::Packed, "tiny-bert-mean", "half precision is for GPUs"),
        (DtypeChoice::Float16, ExecutorChoice::Candle, "tiny-bert-mean", "half precision is for GPUs"),
        (DtypeChoice::Auto, ExecutorChoice::Device, "tiny-model2vec", "no GPU is needed"),
    ] {
        let (code, message) = refused(DeviceChoice::Cpu, dtype, executor, name).unwrap();
        assert_eq!(code, "DEVICE_UNAVAILABLE");
        assert!(message.contains(part), "{message}");
    }
    for (name, device) in [("metal", DeviceChoice::Metal), ("cuda", DeviceChoice::Cuda(0))] {
        if !compiled_devices().contains(&name) {
            let (code, message) = refused(device, DtypeChoice::Auto, ExecutorChoice::Packed, "tiny-bert-mean").unwrap();
            assert_eq!((code, message.contains("this build")), ("DEVICE_UNAVAILABLE", true));
        }
    }
    let report = probe_device(DeviceChoice::Cpu).unwrap();
    assert_eq!(report.dtypes, ["float32", "float16", "bfloat16"]);
    assert_eq!(report.memory_bytes, None);
}

#[test]
fn a_call_that_is_given_up_leaves_the_model_alone() {
    let texts: Vec<String> = texts().into_iter().map(|(_, text)| text).cycle().take(6_000).collect();
    for device in devices() {
        let model = load_on(&fixture("tiny-bert-mean"), device, DtypeChoice::Float32);
        let expected = embed(&model, &texts[..50]);
        let mut job = model.start_job(&EmbedOptions::default()).unwrap();
        job.push(texts.clone());
        let step = job.step(Duration::ZERO).unwrap();
        assert!(step.texts > 0 && step.texts < texts.len(), "{} of {}", step.texts, step.total_texts);
        drop(job);
        assert_eq!(rows(&embed(&model, &texts[..50])), rows(&expected));
    }
}

#[test]
fn two_models_share_a_device() {
    let texts: Vec<String> = texts().into_iter().map(|(_, text)| text).take(40).collect();
    for device in devices() {
        let models =
            ["tiny-bert-mean", "tiny-modernbert"].map(|name| load_on(&fixture(name), device, DtypeChoice::Float32));
        let expected = models.each_ref().map(|model| embed(model, &texts));
        std::thread::scope(|scope| {
            for (model, expected) in models.iter().zip(&expected) {
                let texts = &texts;
                scope.spawn(move || {
                    for _ in 0..10 {
                        assert_eq!(rows(&embed(model, texts)), rows(expected));
                    }
                });
            }
        });
    }
}

/// What 10,000 batches and 50 loads leave behind in the memory of a GPU.
#[test]
fn memory_of_gpus_does_not_grow() {
    let texts: Vec<String> = texts().into_iter().map(|(_, text)| text).take(16).collect();
    for gpu in gpus() {
        let device: DeviceChoice = gpu.device.parse().unwrap();
        let free = || probe_device(device).unwrap().free_bytes;
        let Some(_) = free() else { continue };
        let rounds = |loads: usize, batches: usize| {
            for _ in 0..loads {
                let model = load_on(&fixture("tiny-bert-mean"), device, DtypeChoice::Float16);
                for batch in 0..batches {
                    embed(&model, &texts[..1 + batch % texts.len()]);
                }
            }
        };
        rounds(2, 50);
        let before = free().unwrap();
        rounds(1, 10_000);
        rounds(50, 1);
        let grown = before.saturating_sub(free().unwrap());
        println!("{}: {grown} bytes more in use after 10,000 batches and 50 loads", gpu.device);
        assert!(grown <= 8 << 20, "{}: {grown} bytes", gpu.device);
    }
}
