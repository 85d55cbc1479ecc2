//! Which input columns of the linear layers stay exact.
//!
//! A few channels of an encoder carry values far beyond all others (in all-MiniLM-L6-v2 up to 30, where most are below
//! 1): after the layer norms always the same hidden dimensions, before the feed-forward's second layer single neurons.
//! In int8 they decide the scale of every token and every weight row. With the four largest columns of each such input
//! kept in float32, activations in int8 lose no more than the weights alone did: cosine to float32 on short texts
//! 0.99969 (fixtures: 0.99945, least 0.9989) in place of 0.99892 (0.99780, 0.9919), at 1 to 4 % of the time. Ranking
//! by energy instead of the largest value gives 0.99933; guessing the columns from the weights, without texts, 0.99911;
//! smoothing (SmoothQuant, 0.5) 0.99964, but it changes all weights.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_embed_kernels::MAX_EXACT_COLUMNS;
use rayon::ThreadPoolBuilder;

use crate::error::{Error, Result};
use crate::executor::{LinearInput, Network, PackedTokens};
use crate::options::Truncate;
use crate::spec::EncoderSpec;
use crate::tokenization::TextTokenizer;
use crate::weights::Weights;

/// Texts of several kinds and languages; very short ones have the largest values.
const TEXTS: [&str; 24] = [
    "",
    ".",
    "a",
    "?!",
    "Hello, world!",
    "the cat",
    "What is the capital of France?",
    "How do I reset my password?",
    "A man is playing a guitar on a small stage.",
    "The committee rejected the proposal because its costs could not be estimated with any confidence.",
    "fn main() { let total: u32 = (1..=10).sum(); println!(\"{total}\"); }",
    "SELECT name, price FROM products WHERE price > 100 ORDER BY price DESC;",
    "{\"id\": 42, \"tags\": [\"red\", \"blue\"], \"active\": true}",
    "https://example.org/a/b?query=1&page=2#top",
    "Invoice 2023-0117: 3 x 19.99 EUR = 59.97 EUR, due 14 March.",
    "The flow over a flat plate becomes turbulent at a Reynolds number of about half a million, but roughness of the \
     surface and disturbances of the outer stream can lower this figure considerably, as experiments in several wind \
     tunnels have shown since.",
    "Patients who received the higher dose reported fewer symptoms after two weeks; however, the difference was not \
     significant, and three of them left the study early because of side effects that the authors describe as mild.",
    "In the morning the harbour was quiet. Two boats had come in during the night, and their crews slept on deck under \
     grey blankets. A dog walked along the wall, stopped, looked at the water, and went on.",
    "Die Lieferung verzögert sich um zwei Tage, weil ein Teil im Lager fehlt.",
    "Le musée est ouvert tous les jours sauf le lundi, de dix heures à dix-huit heures.",
    "El informe describe los resultados del último trimestre y propone tres cambios.",
    "Поезд отправляется с третьего пути в половине восьмого.",
    "今日は天気が良いので、公園を散歩しました。",
    "한국어 문장도 하나 있습니다. 🙂🚀",
];

/// For each layer's inputs, columns of theirs.
type Columns = HashMap<(usize, LinearInput), Vec<usize>>;

/// For each layer's inputs, the columns with the largest values on [`TEXTS`], ascending; computed with `threads` threads.
pub(super) fn exact_columns(
    spec: &EncoderSpec,
    weights: &Weights,
    tokenizer: &TextTokenizer,
    threads: usize,
) -> Result<Columns> {
    let work = || largest_columns(spec, weights, tokenizer);
    // Candle's products start rayon tasks, which outside of a pool make one of all CPUs that stays until the process ends.
    // Element by element, tensors of 65,536 numbers and more use a second pool of Candle's that nothing can bound
    // (CANDLE_NUM_THREADS aside).
    match ThreadPoolBuilder::new().num_threads(threads).thread_name(|at| format!("candle-int8-{at}")).build() {
        Ok(pool) => pool.install(work),
        // No threads to be had, as in WebAssembly: rayon works on this one.
        Err(_) => work(),
    }
}

fn largest_columns(spec: &EncoderSpec, weights: &Weights, tokenizer: &TextTokenizer) -> Result<Columns> {
    let network = Network::load(spec, weights, &Device::Cpu, DType::F32, tokenizer.max_tokens())?;
    let mut largest: HashMap<(usize, LinearInput), Vec<f32>> = HashMap::new();
    for (index, text) in TEXTS.iter().enumerate() {
        let mut ids = Vec::new();
        tokenizer.encode(index, "", text, Truncate::End, &mut ids)?;
        let alone = PackedTokens { ids: &ids, offsets: &[0, ids.len()] };
        let mut observe = |layer, input, rows: &Tensor| -> candle_core::Result<()> {
            for row in rows.to_vec2::<f32>()? {
                let largest = largest.entry((layer, input)).or_insert_with(|| vec![0.0; row.len()]);
                largest
                    .iter_mut()
                    .zip(row)
                    .for_each(|(most, value)| *most = if *most >= value.abs() { *most } else { value.abs() });
            }
            Ok(())
        };
        network.encode(alone, &mut observe).map_err(Error::internal)?;
    }
    if largest.values().flatten().any(|value| !value.is_finite()) {
        return Err(Error::invalid_model("the model gives numbers that are not finite; its weights are damaged"));
    }
    Ok(largest.into_iter().map(|(key, largest)| (key, top(&largest))).collect())
}

/// The indices of the largest values, ascending; of at most an eighth of the values, so that a tiny model stays int8.
fn top(values: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|left, right| values[*right].total_cmp(&values[*left]).then(left.cmp(right)));
    order.truncate(MAX_EXACT_COLUMNS.min(values.len() / 8));
    order.sort_unstable();
    order
}
