//! The encoder as operations on Candle tensors, on any device and in any of its arithmetics.

use std::sync::Arc;

use candle_core::{D, DType, Device, Tensor};
use candle_nn::ops;

use super::attention::Attention;
use super::bias::add_bias;
use super::layout::{Layout, Wanted};
use super::positions::{distance_bias, rotary_tables};
use super::{PackedTokens, shared};
use crate::error::Error;
use crate::spec::{Activation, EncoderSpec, LayerSpec, LinearSpec, NormSpec, PositionSpec, RotarySpec, TableSpec};
use crate::weights::Weights;

pub(super) type CandleResult<T> = candle_core::Result<T>;

/// Which linear layers of a transformer layer an input goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum LinearInput {
    QueryKeyValue,
    Up,
    Down,
}

/// Sees the rows that go into linear layers, given the index of the transformer layer.
pub(crate) type Observer<'a> = dyn FnMut(usize, LinearInput, &Tensor) -> CandleResult<()> + 'a;

struct Linear {
    /// `[inputs, outputs]`: with the weight transposed once, gemm reads its rows as they are (2x for short texts).
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    fn forward(&self, input: &Tensor) -> CandleResult<Tensor> {
        let product = input.matmul(&self.weight)?;
        match &self.bias {
            Some(bias) => add_bias(product, bias),
            None => Ok(product),
        }
    }
}

/// Its sums are float32 whatever the arithmetic: Candle's kernels see to that on every device. What follows the sums is so on CPUs and
/// NVIDIA; Metal rounds mean and deviation first.
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
    /// Which of the network's rotary tables turns queries and keys.
    rotary: Option<Arc<Rotary>>,
    window: Option<usize>,
    attention_output: Linear,
    attention_norm: Option<Norm>,
    up: Linear,
    down: Linear,
    output_norm: Norm,
}

/// Cosines and sines, `[positions, size / 2]`.
pub(super) struct Rotary {
    cosines: Tensor,
    sines: Tensor,
}

impl Rotary {
    /// The rows for tokens at `places`.
    fn at(&self, places: &Tensor) -> CandleResult<(Tensor, Tensor)> {
        Ok((self.cosines.index_select(places, 0)?, self.sines.index_select(places, 0)?))
    }
}

/// An encoder as Candle tensors.
pub(crate) struct Network {
    device: Device,
    dtype: DType,
    words: Tensor,
    /// Position embeddings with the embedding of segment 0 added.
    positions: Option<(PositionSpec, Tensor)>,
    /// The embedding of segment 0 where there is no position table.
    segment: Option<Tensor>,
    norm: Norm,
    attention: Attention,
    layers: Vec<Layer>,
    final_norm: Option<Norm>,
    activation: Activation,
    gated: bool,
    norm_first: bool,
}

impl Network {
    /// Copies the tensors that `spec` names to `device`, for texts of at most `longest` tokens.
    pub fn load(
        spec: &EncoderSpec,
        weights: &Weights,
        device: &Device,
        dtype: DType,
        longest: usize,
    ) -> Result<Self, LoadError> {
        let loader = Loader { weights, device, dtype, spec, longest };
        let embeddings = &spec.embeddings;
        let segment =
            embeddings.segment.as_ref().map(|table| Ok::<_, LoadError>(loader.table(table)?.narrow(0, 0, 1)?));
        let segment = segment.transpose()?;
        let positions = embeddings.position.as_ref().map(|position| {
            let table = loader.table(&position.table)?;
            let sums = segment.as_ref().map_or(Ok(table.clone()), |segment| table.broadcast_add(segment));
            Ok::<_, LoadError>((position.clone(), sums?))
        });
        let positions = positions.transpose()?;
        let bias = spec.distance_bias.as_ref().map(|bias| {
            let values = distance_bias(bias, spec, weights, longest)?;
            loader.tensor(values, (spec.heads, 2 * longest - 1))
        });
        Ok(Self {
            words: loader.table(&embeddings.word)?,
            segment: segment.filter(|_| positions.is_none()),
            positions,
            norm: loader.norm(&embeddings.norm)?,
            attention: Attention::new(spec, device, dtype, bias.transpose()?, longest)?,
            layers: loader.layers()?,
            final_norm: spec.final_norm.as_ref().map(|norm| loader.norm(norm)).transpose()?,
            activation: spec.activation,
            gated: spec.gated,
            norm_first: spec.norm_first,
            device: device.clone(),
            dtype,
        })
    }

    /// The last hidden states of all tokens, `[tokens, hidden]`. Shows `observe` what goes into the linear layers.
    pub fn encode(&self, tokens: PackedTokens<'_>, observe: &mut Observer<'_>) -> CandleResult<Tensor> {
        let wanted = Wanted {
            positions: self.positions.as_ref().map(|(spec, _)| spec),
            places: self.layers.iter().any(|layer| layer.rotary.is_some()),
            grouped_heads: self.attention.grouped_heads(),
            dtype: self.dtype,
        };
        let layout = Layout::upload(tokens, &wanted, &self.device)?;
        let windows = self.layers.iter().filter_map(|layer| layer.window);
        let masks = self.attention.masks(&layout, windows)?;
        let mut turns: Vec<(*const Rotary, Arc<(Tensor, Tensor)>)> = Vec::new();
        let mut hidden = self.norm.forward(&self.embed(&layout)?)?;
        let before = |norm: Option<&Norm>, states: &Tensor| match norm.filter(|_| self.norm_first) {
            Some(norm) => norm.forward(states),
            None => Ok(states.clone()),
        };
        let after = |norm: Option<&Norm>, states: Tensor| match norm.filter(|_| !self.norm_first) {
            Some(norm) => norm.forward(&states),
            None => Ok(states),
        };
        for (index, layer) in self.layers.iter().enumerate() {
            let turn = match (&layer.rotary, &layout.places) {
                (Some(rotary), Some(places)) => Some(shared(&mut turns, Arc::as_ptr(rotary), || rotary.at(places))?),
                _ => None,
            };
            let input = before(layer.attention_norm.as_ref(), &hidden)?;
            observe(index, LinearInput::QueryKeyValue, &input)?;
            let fused = layer.query_key_value.forward(&input)?;
            let attended = self.attention.attend(&fused, turn.as_deref(), layer.window, &layout, &masks)?;
            let attended = layer.attention_output.forward(&attended)?;
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

    fn embed(&self, layout: &Layout) -> CandleResult<Tensor> {
        let words = self.words.index_select(&layout.ids, 0)?;
        match (&self.positions, &layout.position_rows, &self.segment) {
            (Some((_, table)), Some(rows), _) => words + table.index_select(rows, 0)?,
            (_, _, Some(segment)) => words.broadcast_add(segment),
            _ => Ok(words),
        }
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

/// Why a network could not be loaded: by its files, or by the device.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// The files.
    Folder(Error),
    /// The device.
    Device(candle_core::Error),
}

impl From<Error> for LoadError {
    fn from(error: Error) -> Self {
        Self::Folder(error)
    }
}

impl From<candle_core::Error> for LoadError {
    fn from(error: candle_core::Error) -> Self {
        Self::Device(error)
    }
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Folder(error) => error,
            LoadError::Device(error) => Self::internal(error),
        }
    }
}

struct Loader<'a> {
    weights: &'a Weights,
    device: &'a Device,
    dtype: DType,
    spec: &'a EncoderSpec,
    longest: usize,
}

impl Loader<'_> {
    fn tensor(&self, values: Vec<f32>, shape: impl Into<candle_core::Shape>) -> Result<Tensor, LoadError> {
        let shape = shape.into();
        Ok(Tensor::from_vec(values, shape, self.device)?.to_dtype(self.dtype)?)
    }

    fn table(&self, table: &TableSpec) -> Result<Tensor, LoadError> {
        self.matrix(&table.weight, table.rows, self.spec.hidden_size)
    }

    fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Tensor, LoadError> {
        self.tensor(self.weights.matrix_values(name, rows, columns)?, (rows, columns))
    }

    fn vector(&self, name: &str, length: usize) -> Result<Tensor, LoadError> {
        self.tensor(self.weights.vector(name, length)?, length)
    }

    /// Layers with the same input as one: their outputs side by side. Either all have a bias or none has.
    fn linear(&self, parts: &[LinearSpec]) -> Result<Linear, LoadError> {
        let weights = parts.iter().map(|part| self.matrix(&part.weight, part.outputs, part.inputs));
        let weights = weights.collect::<Result<Vec<_>, _>>()?;
        let biases = parts.iter().filter_map(|part| Some(self.vector(part.bias.as_ref()?, part.outputs)));
        let biases = biases.collect::<Result<Vec<_>, _>>()?;
        let weight = Tensor::cat(&weights, 0)?.t()?.contiguous()?;
        let bias = (!biases.is_empty()).then(|| Tensor::cat(&biases, D::Minus1)).transpose()?;
        Ok(Linear { weight, bias })
    }

    fn norm(&self, norm: &NormSpec) -> Result<Norm, LoadError> {
        let hidden = self.spec.hidden_size;
        let bias = match &norm.bias {
            Some(bias) => self.vector(bias, hidden)?,
            None => Tensor::zeros(hidden, self.dtype, self.device)?,
        };
        Ok(Norm { weight: self.vector(&norm.weight, hidden)?, bias, eps: self.spec.layer_norm_eps })
    }

    fn rotary(&self, rotary: &RotarySpec) -> Result<Rotary, LoadError> {
        let (cosines, sines) = rotary_tables(rotary, self.longest)?;
        let tensor = |values| self.tensor(values, (self.longest, rotary.size / 2));
        Ok(Rotary { cosines: tensor(cosines)?, sines: tensor(sines)? })
    }

    /// All layers; those that turn alike share their tables.
    fn layers(&self) -> Result<Vec<Layer>, LoadError> {
        let mut rotaries: Vec<(&RotarySpec, Arc<Rotary>)> = Vec::new();
        let layers = self.spec.layers.iter().map(|layer| {
            let rotary = layer.rotary.as_ref();
            let rotary = rotary.map(|spec| shared(&mut rotaries, spec, || self.rotary(spec))).transpose()?;
            self.layer(layer, rotary)
        });
        layers.collect()
    }

    fn layer(&self, layer: &LayerSpec, rotary: Option<Arc<Rotary>>) -> Result<Layer, LoadError> {
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
