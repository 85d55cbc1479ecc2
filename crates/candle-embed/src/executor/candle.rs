//! The encoder on Candle tensors: the reference on CPUs.
//!
//! Texts run one at a time, each as one `[tokens, hidden]` matrix: there is no padding to mask, and the shapes of all
//! operations, hence their order of summation, depend on the text alone. Parallelism is across texts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{D, DType, Device, Tensor};
use candle_embed_kernels::ThreadPool;
use candle_nn::ops;
use rayon::ThreadPoolBuilder;

use super::positions::{distance_bias, rotary_tables};
use super::{Executor, Finish, PackedTokens, shared};
use crate::error::{Error, Result};
use crate::spec::{Activation, EncoderSpec, LayerSpec, LinearSpec, NormSpec, PositionSpec, RotarySpec, TableSpec};
use crate::weights::Weights;

type CandleResult<T> = candle_core::Result<T>;

/// Which linear layers of a transformer layer an input goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum LinearInput {
    QueryKeyValue,
    Up,
    Down,
}

/// Sees the rows that go into linear layers, given the index of the transformer layer.
pub(crate) type Observer<'a> = dyn FnMut(usize, LinearInput, &[Vec<f32>]) -> CandleResult<()> + 'a;

struct Linear {
    /// `[inputs, outputs]`: with the weight transposed once, gemm reads its rows as they are (2x for short texts).
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    fn forward(&self, input: &Tensor) -> CandleResult<Tensor> {
        let product = input.matmul(&self.weight)?;
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }
}

struct Norm {
    weight: Tensor,
    bias: Tensor,
    eps: f32,
}

impl Norm {
    fn forward(&self, input: &Tensor) -> CandleResult<Tensor> {
        ops::layer_norm(input, &self.weight, &self.bias, self.eps)
    }
}

struct Layer {
    query_key_value: Linear,
    /// Cosines and sines, `[positions, size / 2]`.
    rotary: Option<Arc<(Tensor, Tensor)>>,
    window: Option<usize>,
    attention_output: Linear,
    attention_norm: Option<Norm>,
    up: Linear,
    down: Linear,
    output_norm: Norm,
}

/// An encoder as Candle tensors in float32.
pub(crate) struct CandleExecutor {
    device: Device,
    words: Tensor,
    /// Position embeddings with the embedding of segment 0 added.
    positions: Option<(PositionSpec, Tensor)>,
    /// The embedding of segment 0 where there is no position table.
    segment: Option<Tensor>,
    norm: Norm,
    /// `[heads, 2 * longest - 1]`, see [`distance_bias`].
    distance_bias: Option<Tensor>,
    layers: Vec<Layer>,
    final_norm: Option<Norm>,
    heads: usize,
    activation: Activation,
    gated: bool,
    norm_first: bool,
    /// A rayon pool of one thread for each of our threads: Candle's operations start rayon tasks, which stay on that
    /// thread this way.
    lanes: Vec<rayon::ThreadPool>,
}

impl CandleExecutor {
    /// Copies the tensors that `spec` names to `device`, for a pool of `threads` threads (0: to
    /// [`observe`](Self::observe) only) and texts of at most `longest`
    /// tokens.
    pub fn new(spec: &EncoderSpec, weights: &Weights, device: Device, threads: usize, longest: usize) -> Result<Self> {
        let loader = Loader { weights, device: &device, spec, longest };
        let embeddings = &spec.embeddings;
        let segment =
            embeddings.segment.as_ref().map(|table| loader.table(table)?.narrow(0, 0, 1).map_err(Error::internal));
        let segment = segment.transpose()?;
        let positions = embeddings.position.as_ref().map(|position| {
            let table = loader.table(&position.table)?;
            let sums = segment.as_ref().map_or(Ok(table.clone()), |segment| table.broadcast_add(segment));
            Ok((position.clone(), sums.map_err(Error::internal)?))
        });
        let positions = positions.transpose()?;
        let bias = spec.distance_bias.as_ref().map(|bias| {
            let values = distance_bias(bias, spec, weights, longest)?;
            Tensor::from_vec(values, (spec.heads, 2 * longest - 1), &device).map_err(Error::internal)
        });
        let lanes = (0..threads).map(|lane| {
            ThreadPoolBuilder::new().num_threads(1).thread_name(move |_| format!("candle-lane-{lane}")).build()
        });
        Ok(Self {
            words: loader.table(&embeddings.word)?,
            segment: segment.filter(|_| positions.is_none()),
            positions,
            norm: loader.norm(&embeddings.norm)?,
            distance_bias: bias.transpose()?,
            layers: loader.layers()?,
            final_norm: spec.final_norm.as_ref().map(|norm| loader.norm(norm)).transpose()?,
            heads: spec.heads,
            activation: spec.activation,
            gated: spec.gated,
            norm_first: spec.norm_first,
            lanes: lanes.collect::<std::result::Result<_, _>>().map_err(Error::internal)?,
            device,
        })
    }

    /// Encodes a text on this thread and shows `observe` what goes into the linear layers of each layer.
    pub fn observe(&self, ids: &[u32], observe: &mut Observer<'_>) -> Result<()> {
        self.encode(ids, &mut |layer, input, values| observe(layer, input, &values.to_vec2::<f32>()?))
            .map(drop)
            .map_err(Error::internal)
    }

    fn encode(
        &self,
        ids: &[u32],
        observe: &mut dyn FnMut(usize, LinearInput, &Tensor) -> CandleResult<()>,
    ) -> CandleResult<Tensor> {
        let mut hidden = self.norm.forward(&self.embed(ids)?)?;
        let before = |norm: Option<&Norm>, states: &Tensor| match norm.filter(|_| self.norm_first) {
            Some(norm) => norm.forward(states),
            None => Ok(states.clone()),
        };
        let after = |norm: Option<&Norm>, states: Tensor| match norm.filter(|_| !self.norm_first) {
            Some(norm) => norm.forward(&states),
            None => Ok(states),
        };
        let bias = self.distances(ids.len())?;
        for (index, layer) in self.layers.iter().enumerate() {
            let input = before(layer.attention_norm.as_ref(), &hidden)?;
            observe(index, LinearInput::QueryKeyValue, &input)?;
            let attended = layer.attention_output.forward(&self.attention(layer, &input, bias.as_ref())?)?;
            hidden = after(layer.attention_norm.as_ref(), (attended + hidden)?)?;
            let input = before(Some(&layer.output_norm), &hidden)?;
            observe(index, LinearInput::Up, &input)?;
            let expanded = self.expand(&layer.up.forward(&input)?)?;
            observe(index, LinearInput::Down, &expanded)?;
            hidden = after(Some(&layer.output_norm), (layer.down.forward(&expanded)? + hidden)?)?;
        }
        match &self.final_norm {
            Some(norm) => norm.forward(&hidden),
            None => Ok(hidden),
        }
    }

    fn embed(&self, ids: &[u32]) -> CandleResult<Tensor> {
        let words = self.words.index_select(&Tensor::new(ids, &self.device)?, 0)?;
        match (&self.positions, &self.segment) {
            (Some((counting, table)), _) => {
                let rows: Vec<u32> = counting.rows(ids).collect();
                words + table.index_select(&Tensor::new(rows, &self.device)?, 0)?
            }
            (None, Some(segment)) => words.broadcast_add(segment),
            (None, None) => Ok(words),
        }
    }

    /// The bias of a text's scores by distance: `[heads, tokens, tokens]`.
    fn distances(&self, tokens: usize) -> CandleResult<Option<Tensor>> {
        let Some(table) = &self.distance_bias else { return Ok(None) };
        let (heads, entries) = table.dims2()?;
        let longest = entries.div_ceil(2);
        let entry = |query: usize, key: usize| (longest - 1 + key - query) as u32;
        let index: Vec<u32> = (0..tokens).flat_map(|query| (0..tokens).map(move |key| entry(query, key))).collect();
        let bias = table.index_select(&Tensor::new(index, &self.device)?, 1)?;
        bias.reshape((heads, tokens, tokens)).map(Some)
    }

    /// Softmax(QKᵀ/√d + bias)V for all heads of one text.
    fn attention(&self, layer: &Layer, hidden: &Tensor, bias: Option<&Tensor>) -> CandleResult<Tensor> {
        let (tokens, hidden_size) = hidden.dims2()?;
        let head_size = hidden_size / self.heads;
        let fused = layer.query_key_value.forward(hidden)?;
        let part = |index: usize| {
            let part = fused.narrow(1, index * hidden_size, hidden_size)?;
            part.reshape((tokens, self.heads, head_size))?.transpose(0, 1)?.contiguous()
        };
        let (mut query, mut key, value) = (part(0)?, part(1)?, part(2)?);
        if let Some(tables) = &layer.rotary {
            let (cosines, sines) = &**tables;
            let (cosines, sines) = (cosines.narrow(0, 0, tokens)?, sines.narrow(0, 0, tokens)?);
            query = turn(&query, &cosines, &sines)?;
            key = turn(&key, &cosines, &sines)?;
        }
        let mut scores = (query.matmul(&key.t()?)? * (1.0 / (head_size as f64).sqrt()))?;
        if let Some(bias) = bias {
            scores = (scores + bias)?;
        }
        if let Some(reach) = layer.window {
            let mask = |query: usize, key: usize| if query.abs_diff(key) <= reach { 0.0 } else { f32::NEG_INFINITY };
            let mask: Vec<f32> = (0..tokens).flat_map(|query| (0..tokens).map(move |key| mask(query, key))).collect();
            scores = scores.broadcast_add(&Tensor::from_vec(mask, (tokens, tokens), &self.device)?)?;
        }
        let context = ops::softmax_last_dim(&scores)?.matmul(&value)?;
        context.transpose(0, 1)?.reshape((tokens, hidden_size))
    }

    /// The input of the feed-forward block's second half.
    fn expand(&self, up: &Tensor) -> CandleResult<Tensor> {
        if !self.gated {
            return self.activate(up);
        }
        let width = up.dim(1)? / 2;
        self.activate(&up.narrow(1, 0, width)?.contiguous()?)? * up.narrow(1, width, width)?
    }

    fn activate(&self, input: &Tensor) -> CandleResult<Tensor> {
        match self.activation {
            Activation::GeluErf => input.gelu_erf(),
            Activation::GeluTanh => input.gelu(),
            Activation::Relu => input.relu(),
            Activation::Silu => input.silu(),
        }
    }
}

/// Turns the first channels of each head in pairs (`i`, `i + size / 2`); `states` is `[heads, tokens, head size]`.
fn turn(states: &Tensor, cosines: &Tensor, sines: &Tensor) -> CandleResult<Tensor> {
    let pairs = cosines.dim(1)?;
    let rest = states.dim(2)? - 2 * pairs;
    let (first, second) = (states.narrow(2, 0, pairs)?, states.narrow(2, pairs, pairs)?);
    let turned_first = (first.broadcast_mul(cosines)? - second.broadcast_mul(sines)?)?;
    let turned_second = (second.broadcast_mul(cosines)? + first.broadcast_mul(sines)?)?;
    Tensor::cat(&[turned_first, turned_second, states.narrow(2, 2 * pairs, rest)?], 2)
}

impl Executor for CandleExecutor {
    fn run(&self, threads: &ThreadPool, tokens: PackedTokens<'_>, finish: &Finish<'_>) -> Result<()> {
        let next = AtomicUsize::new(0);
        let outcome = Mutex::new(Ok(()));
        threads.run_with_helpers(|rank| {
            let states_of = |text: usize| {
                let ids = tokens.text(text);
                self.lanes[rank].install(|| self.encode(ids, &mut |_, _, _| Ok(()))?.flatten_all()?.to_vec1::<f32>())
            };
            loop {
                let text = next.fetch_add(1, Ordering::Relaxed);
                if text >= tokens.len() {
                    break;
                }
                match states_of(text) {
                    Ok(states) => finish(text, &states),
                    Err(error) => {
                        *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Err(Error::internal(error));
                        break;
                    }
                }
            }
        });
        outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Loader<'a> {
    weights: &'a Weights,
    device: &'a Device,
    spec: &'a EncoderSpec,
    longest: usize,
}

impl Loader<'_> {
    fn table(&self, table: &TableSpec) -> Result<Tensor> {
        self.matrix(&table.weight, table.rows, self.spec.hidden_size)
    }

    fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Tensor> {
        let matrix = self.weights.matrix(name, rows, columns)?;
        let mut values = vec![0.0; rows * columns];
        for (index, row) in values.chunks_exact_mut(columns).enumerate() {
            matrix.read_row(index, row);
        }
        Tensor::from_vec(values, (rows, columns), self.device).map_err(Error::internal)
    }

    fn vector(&self, name: &str, length: usize) -> Result<Tensor> {
        Tensor::from_vec(self.weights.vector(name, length)?, length, self.device).map_err(Error::internal)
    }

    /// Layers with the same input as one: their outputs side by side. Either all have a bias or none has.
    fn linear(&self, parts: &[LinearSpec]) -> Result<Linear> {
        let weights = parts.iter().map(|part| self.matrix(&part.weight, part.outputs, part.inputs));
        let weights = weights.collect::<Result<Vec<_>>>()?;
        let biases = parts.iter().filter_map(|part| Some(self.vector(part.bias.as_ref()?, part.outputs)));
        let biases = biases.collect::<Result<Vec<_>>>()?;
        let weight = Tensor::cat(&weights, 0).and_then(|weight| weight.t()?.contiguous());
        let bias = (!biases.is_empty()).then(|| Tensor::cat(&biases, D::Minus1)).transpose();
        Ok(Linear { weight: weight.map_err(Error::internal)?, bias: bias.map_err(Error::internal)? })
    }

    fn norm(&self, norm: &NormSpec) -> Result<Norm> {
        let hidden = self.spec.hidden_size;
        let bias = match &norm.bias {
            Some(bias) => self.vector(bias, hidden)?,
            None => Tensor::zeros(hidden, DType::F32, self.device).map_err(Error::internal)?,
        };
        Ok(Norm { weight: self.vector(&norm.weight, hidden)?, bias, eps: self.spec.layer_norm_eps })
    }

    fn rotary(&self, rotary: &RotarySpec) -> Result<(Tensor, Tensor)> {
        let (cosines, sines) = rotary_tables(rotary, self.longest);
        let tensor =
            |values| Tensor::from_vec(values, (self.longest, rotary.size / 2), self.device).map_err(Error::internal);
        Ok((tensor(cosines)?, tensor(sines)?))
    }

    /// All layers; those that turn alike share their tables.
    fn layers(&self) -> Result<Vec<Layer>> {
        let mut rotaries: Vec<(&RotarySpec, Arc<(Tensor, Tensor)>)> = Vec::new();
        let layers = self.spec.layers.iter().map(|layer| {
            let rotary = layer.rotary.as_ref();
            let rotary = rotary.map(|spec| shared(&mut rotaries, spec, || self.rotary(spec))).transpose()?;
            self.layer(layer, rotary)
        });
        layers.collect()
    }

    fn layer(&self, layer: &LayerSpec, rotary: Option<Arc<(Tensor, Tensor)>>) -> Result<Layer> {
        Ok(Layer {
            query_key_value: self.linear(&layer.query_key_value)?,
            rotary,
            window: layer.window,
            attention_output: self.linear(std::slice::from_ref(&layer.attention_output))?,
            attention_norm: layer.attention_norm.as_ref().map(|norm| self.norm(norm)).transpose()?,
            up: self.linear(&layer.up)?,
            down: self.linear(std::slice::from_ref(&layer.down))?,
            output_norm: self.norm(&layer.output_norm)?,
        })
    }
}
