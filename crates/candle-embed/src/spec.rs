//! The description of an encoder that every executor runs.
//!
//! A file of `models/` makes an [`EncoderSpec`] of `config.json` and the tensor names of a folder; an executor turns it,
//! with the [`Weights`](crate::weights::Weights) it names, into something that computes. Shapes are PyTorch's: a linear
//! layer's weight is `[outputs, inputs]`.
//!
//! All architectures described so far are post-norm encoders with learned absolute positions: each sub-layer computes
//! `norm(x + sublayer(x))`.

use serde::Serialize;

/// The activation between the two layers of the feed-forward block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Activation {
    /// `x/2 (1 + erf(x/√2))`: `hidden_act` "gelu".
    GeluErf,
    /// `x/2 (1 + tanh(√(2/π)(x + 0.044715x³)))`: "gelu_new", "gelu_pytorch_tanh".
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
}

/// A linear layer `y = xWᵀ + b`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LinearSpec {
    /// Tensor `[outputs, inputs]`.
    pub weight: String,
    /// Tensor `[outputs]`.
    pub bias: String,
    pub inputs: usize,
    pub outputs: usize,
}

impl LinearSpec {
    /// The weight as a matrix.
    pub fn matrix(&self) -> MatrixShape<'_> {
        (&self.weight, self.outputs, self.inputs)
    }
}

/// Name, rows and columns of a matrix.
pub(crate) type MatrixShape<'a> = (&'a str, usize, usize);

/// A layer norm over the hidden dimension.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NormSpec {
    /// Tensor `[hidden]`.
    pub weight: String,
    /// Tensor `[hidden]`.
    pub bias: String,
}

/// A table of embeddings.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TableSpec {
    /// Tensor `[rows, hidden]`.
    pub weight: String,
    pub rows: usize,
}

/// The input of the first layer: `norm(word[id] + position[i] + segment[0])`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EmbeddingsSpec {
    pub word: TableSpec,
    pub position: TableSpec,
    /// Row 0 is added to every token: a text on its own is segment 0.
    pub segment: TableSpec,
    pub norm: NormSpec,
}

/// One transformer layer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LayerSpec {
    pub query: LinearSpec,
    pub key: LinearSpec,
    pub value: LinearSpec,
    pub attention_output: LinearSpec,
    pub attention_norm: NormSpec,
    pub up: LinearSpec,
    pub down: LinearSpec,
    pub output_norm: NormSpec,
}

/// An encoder: token ids in, one vector of `hidden_size` a token out.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EncoderSpec {
    pub hidden_size: usize,
    pub heads: usize,
    pub layer_norm_eps: f32,
    pub activation: Activation,
    pub embeddings: EmbeddingsSpec,
    pub layers: Vec<LayerSpec>,
}

impl EncoderSpec {
    /// Longest text in tokens that the position table has rows for.
    pub fn max_positions(&self) -> usize {
        self.embeddings.position.rows
    }

    /// The word embeddings as a matrix.
    pub fn word_table(&self) -> MatrixShape<'_> {
        self.table(&self.embeddings.word)
    }

    /// The small tables: positions and segments.
    pub fn small_tables(&self) -> impl Iterator<Item = MatrixShape<'_>> {
        [&self.embeddings.position, &self.embeddings.segment].into_iter().map(|table| self.table(table))
    }

    fn table<'a>(&self, table: &'a TableSpec) -> MatrixShape<'a> {
        (&table.weight, table.rows, self.hidden_size)
    }

    /// Every vector as (name, length).
    pub fn vectors(&self) -> impl Iterator<Item = (&str, usize)> {
        let norms = self.layers.iter().flat_map(|layer| [&layer.attention_norm, &layer.output_norm]);
        let norms = std::iter::once(&self.embeddings.norm).chain(norms);
        let norms =
            norms.flat_map(|norm| [(norm.weight.as_str(), self.hidden_size), (norm.bias.as_str(), self.hidden_size)]);
        let biases = self.layers.iter().flat_map(LayerSpec::linears);
        norms.chain(biases.map(|linear| (linear.bias.as_str(), linear.outputs)))
    }
}

impl LayerSpec {
    fn linears(&self) -> [&LinearSpec; 6] {
        [&self.query, &self.key, &self.value, &self.attention_output, &self.up, &self.down]
    }
}
