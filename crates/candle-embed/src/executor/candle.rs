//! The encoder on Candle tensors: the reference on CPUs.
//!
//! Texts run one at a time, each as one `[tokens, hidden]` matrix: there is no padding to mask, and the shapes of all
//! operations, hence their order of summation, depend on the text alone. Parallelism is across texts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use candle_core::{D, Device, Tensor};
use candle_embed_kernels::ThreadPool;
use candle_nn::ops;
use rayon::ThreadPoolBuilder;

use super::{Executor, Finish, PackedTokens};
use crate::error::{Error, Result};
use crate::spec::{Activation, EncoderSpec, LayerSpec, LinearSpec, NormSpec, TableSpec};
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
    bias: Tensor,
}

impl Linear {
    fn forward(&self, input: &Tensor) -> CandleResult<Tensor> {
        input.matmul(&self.weight)?.broadcast_add(&self.bias)
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
    attention_output: Linear,
    attention_norm: Norm,
    up: Linear,
    down: Linear,
    output_norm: Norm,
}

/// An encoder as Candle tensors in float32.
pub(crate) struct CandleExecutor {
    device: Device,
    words: Tensor,
    /// Position embeddings with the embedding of segment 0 added.
    positions: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
    heads: usize,
    activation: Activation,
    /// A rayon pool of one thread for each of our threads: Candle's operations start rayon tasks, which stay on that
    /// thread this way.
    lanes: Vec<rayon::ThreadPool>,
}

impl CandleExecutor {
    /// Copies the tensors that `spec` names to `device`, for a pool of `threads` threads.
    pub fn new(spec: &EncoderSpec, weights: &Weights, device: Device, threads: usize) -> Result<Self> {
        let loader = Loader { weights, device: &device, hidden_size: spec.hidden_size, eps: spec.layer_norm_eps };
        let embeddings = &spec.embeddings;
        let segments = loader.table(&embeddings.segment)?;
        let positions = loader.table(&embeddings.position)?;
        let positions = segments.narrow(0, 0, 1).and_then(|segment| positions.broadcast_add(&segment));
        let lanes = (0..threads).map(|lane| {
            ThreadPoolBuilder::new().num_threads(1).thread_name(move |_| format!("candle-lane-{lane}")).build()
        });
        Ok(Self {
            words: loader.table(&embeddings.word)?,
            positions: positions.map_err(Error::internal)?,
            norm: loader.norm(&embeddings.norm)?,
            layers: spec.layers.iter().map(|layer| loader.layer(layer)).collect::<Result<_>>()?,
            heads: spec.heads,
            activation: spec.activation,
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
        let ids = Tensor::new(ids, &self.device)?;
        let words = self.words.index_select(&ids, 0)?;
        let positions = self.positions.narrow(0, 0, ids.dim(0)?)?;
        let mut hidden = self.norm.forward(&(words + positions)?)?;
        for (index, layer) in self.layers.iter().enumerate() {
            observe(index, LinearInput::QueryKeyValue, &hidden)?;
            let attended = layer.attention_output.forward(&self.attention(layer, &hidden)?)?;
            hidden = layer.attention_norm.forward(&(attended + hidden)?)?;
            observe(index, LinearInput::Up, &hidden)?;
            let expanded = self.activate(&layer.up.forward(&hidden)?)?;
            observe(index, LinearInput::Down, &expanded)?;
            hidden = layer.output_norm.forward(&(layer.down.forward(&expanded)? + hidden)?)?;
        }
        Ok(hidden)
    }

    /// Softmax(QKᵀ/√d)V for all heads of one text.
    fn attention(&self, layer: &Layer, hidden: &Tensor) -> CandleResult<Tensor> {
        let (tokens, hidden_size) = hidden.dims2()?;
        let head_size = hidden_size / self.heads;
        let fused = layer.query_key_value.forward(hidden)?;
        let part = |index: usize| {
            let part = fused.narrow(1, index * hidden_size, hidden_size)?;
            part.reshape((tokens, self.heads, head_size))?.transpose(0, 1)?.contiguous()
        };
        let (query, key, value) = (part(0)?, part(1)?, part(2)?);
        let scores = (query.matmul(&key.t()?)? * (1.0 / (head_size as f64).sqrt()))?;
        let context = ops::softmax_last_dim(&scores)?.matmul(&value)?;
        context.transpose(0, 1)?.reshape((tokens, hidden_size))
    }

    fn activate(&self, input: &Tensor) -> CandleResult<Tensor> {
        match self.activation {
            Activation::GeluErf => input.gelu_erf(),
            Activation::GeluTanh => input.gelu(),
            Activation::Relu => input.relu(),
        }
    }
}

impl Executor for CandleExecutor {
    fn run(&self, threads: &ThreadPool, tokens: PackedTokens<'_>, finish: &Finish<'_>) -> Result<()> {
        let next = AtomicUsize::new(0);
        let outcome = Mutex::new(Ok(()));
        threads.run(|rank| {
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
    hidden_size: usize,
    eps: f32,
}

impl Loader<'_> {
    fn table(&self, table: &TableSpec) -> Result<Tensor> {
        self.matrix(&table.weight, table.rows, self.hidden_size)
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

    /// Layers with the same input as one: their outputs side by side.
    fn linear(&self, parts: &[&LinearSpec]) -> Result<Linear> {
        let mut weights = Vec::new();
        let mut biases = Vec::new();
        for part in parts {
            weights.push(self.matrix(&part.weight, part.outputs, part.inputs)?);
            biases.push(self.vector(&part.bias, part.outputs)?);
        }
        let weight = Tensor::cat(&weights, 0).and_then(|weight| weight.t()?.contiguous());
        Ok(Linear {
            weight: weight.map_err(Error::internal)?,
            bias: Tensor::cat(&biases, D::Minus1).map_err(Error::internal)?,
        })
    }

    fn norm(&self, norm: &NormSpec) -> Result<Norm> {
        Ok(Norm {
            weight: self.vector(&norm.weight, self.hidden_size)?,
            bias: self.vector(&norm.bias, self.hidden_size)?,
            eps: self.eps,
        })
    }

    fn layer(&self, layer: &LayerSpec) -> Result<Layer> {
        Ok(Layer {
            query_key_value: self.linear(&[&layer.query, &layer.key, &layer.value])?,
            attention_output: self.linear(&[&layer.attention_output])?,
            attention_norm: self.norm(&layer.attention_norm)?,
            up: self.linear(&[&layer.up])?,
            down: self.linear(&[&layer.down])?,
            output_norm: self.norm(&layer.output_norm)?,
        })
    }
}
