//! The description of a model that every executor runs.
//!
//! A file of `models/` makes a [`ModelSpec`] of `config.json` and the tensor names of a folder; an executor turns it,
//! with the [`Weights`](crate::weights::Weights) it names, into something that computes. Shapes are PyTorch's: a linear
//! layer's weight is `[outputs, inputs]`.

use serde::Serialize;

/// What a folder's network is.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum ModelSpec {
    /// Layers of attention.
    Encoder(EncoderSpec),
    /// The mean of a text's token embeddings.
    Static(StaticSpec),
}

impl ModelSpec {
    /// Components of what the executor gives for each token, or for each text.
    pub fn hidden_size(&self) -> usize {
        match self {
            Self::Encoder(encoder) => encoder.hidden_size,
            Self::Static(table) => table.hidden_size,
        }
    }

    /// See [`EncoderSpec::norm_before_cut`].
    pub fn norm_before_cut(&self) -> bool {
        matches!(self, Self::Encoder(encoder) if encoder.norm_before_cut)
    }

    /// Token ids are below this.
    pub fn vocabulary(&self) -> usize {
        match self {
            Self::Encoder(encoder) => encoder.embeddings.word.rows,
            Self::Static(table) => table.mapping.as_ref().map_or(table.table.rows, |mapping| mapping.1),
        }
    }
}

/// The activation of the feed-forward block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Activation {
    /// `x/2 (1 + erf(x/√2))`: `hidden_act` "gelu".
    GeluErf,
    /// `x/2 (1 + tanh(√(2/π)(x + 0.044715x³)))`: "gelu_new", "gelu_pytorch_tanh".
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
    /// `x/(1 + e⁻ˣ)`.
    Silu,
}

/// A linear layer `y = xWᵀ + b`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LinearSpec {
    /// Tensor `[outputs, inputs]`.
    pub weight: String,
    /// Tensor `[outputs]`; zeros where there is none.
    pub bias: Option<String>,
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
    /// Tensor `[hidden]`; zeros where there is none.
    pub bias: Option<String>,
}

/// A table of embeddings.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TableSpec {
    /// Tensor `[rows, hidden]`.
    pub weight: String,
    pub rows: usize,
}

/// Learned absolute positions.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PositionSpec {
    pub table: TableSpec,
    /// `None`: token `i` has row `i`. RoBERTa's counting has a padding id `p`: the tokens other than `p` have the rows
    /// `p + 1`, `p + 2`, ..., and a token `p` (a text may spell it) has row `p` and is not counted.
    pub padding: Option<u32>,
}

impl PositionSpec {
    /// Texts of so many tokens have rows.
    fn longest(&self) -> usize {
        self.table.rows - self.padding.map_or(0, |padding| padding as usize + 1).min(self.table.rows)
    }

    /// The rows of a text's tokens.
    pub fn rows(&self, ids: &[u32]) -> impl Iterator<Item = u32> {
        let mut next = self.padding.map_or(0, |padding| padding + 1);
        ids.iter().map(move |id| match self.padding {
            Some(padding) if *id == padding => padding,
            _ => {
                next += 1;
                next - 1
            }
        })
    }
}

/// The input of the first layer: `norm(word[id] + position[row] + segment[0])`, what is absent left out.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EmbeddingsSpec {
    pub word: TableSpec,
    pub position: Option<PositionSpec>,
    /// Row 0 is added to every token: a text on its own is segment 0.
    pub segment: Option<TableSpec>,
    pub norm: NormSpec,
}

/// A bias on attention scores by head and bucket of the distance between key and query, the same in all layers (T5's
/// scheme, as MPNet has it).
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DistanceBiasSpec {
    /// Tensor `[buckets, heads]`.
    pub weight: String,
    pub buckets: usize,
    /// From this distance on all keys share a bucket.
    pub max_distance: usize,
}

/// Rotary positions: of each head's first `size` channels of queries and keys, channel `i` and channel `i + size/2` are
/// turned by `position * base^(-2i/size)`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct RotarySpec {
    pub base: f64,
    pub size: usize,
}

/// One transformer layer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LayerSpec {
    /// Queries, keys and values, one above the other: three layers, or one with all outputs.
    pub query_key_value: Vec<LinearSpec>,
    pub rotary: Option<RotarySpec>,
    /// Tokens further away than this are not seen.
    pub window: Option<usize>,
    pub attention_output: LinearSpec,
    /// After the attention; pre-norm: before it, or not at all.
    pub attention_norm: Option<NormSpec>,
    /// The first half of the feed-forward block. Gated: first the outputs that are activated, then their factors; two
    /// layers, or one with all outputs.
    pub up: Vec<LinearSpec>,
    pub down: LinearSpec,
    /// After the feed-forward block; pre-norm: before it.
    pub output_norm: NormSpec,
}

/// An encoder: token ids in, one vector of `hidden_size` a token out.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EncoderSpec {
    pub hidden_size: usize,
    pub heads: usize,
    pub layer_norm_eps: f32,
    pub activation: Activation,
    /// The feed-forward block is `down(activation(a) * b)` with `up` giving `a` and `b`, otherwise
    /// `down(activation(up))`.
    pub gated: bool,
    /// A sub-layer computes `x + sublayer(norm(x))`, otherwise `norm(x + sublayer(x))`.
    pub norm_first: bool,
    /// Longest text in tokens by the configuration. A position table ends there; rotary positions do not.
    pub max_positions: usize,
    pub embeddings: EmbeddingsSpec,
    pub distance_bias: Option<DistanceBiasSpec>,
    pub layers: Vec<LayerSpec>,
    /// After the last layer.
    pub final_norm: Option<NormSpec>,
    /// A text's vector is layer-normed, without weights, before it is cut to fewer dimensions.
    pub norm_before_cut: bool,
}

impl EncoderSpec {
    /// Longest text in tokens, where the transformer module and the tokenizer name these limits: sentence-transformers
    /// takes the module's, else the smaller of the tokenizer's and the configuration's. Beyond a position table it
    /// fails; here the table is a limit as well.
    pub fn max_tokens(&self, module: Option<usize>, tokenizer: Option<usize>) -> usize {
        let table = self.embeddings.position.as_ref().map_or(usize::MAX, PositionSpec::longest);
        module.unwrap_or_else(|| tokenizer.unwrap_or(usize::MAX).min(self.max_positions)).min(table)
    }

    /// Channels of a head.
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.heads
    }

    /// The word embeddings as a matrix.
    pub fn word_table(&self) -> MatrixShape<'_> {
        self.table(&self.embeddings.word)
    }

    /// The small tables: positions and segments.
    pub fn small_tables(&self) -> impl Iterator<Item = MatrixShape<'_>> {
        let positions = self.embeddings.position.as_ref().map(|position| &position.table);
        positions.into_iter().chain(&self.embeddings.segment).map(|table| self.table(table))
    }

    fn table<'a>(&self, table: &'a TableSpec) -> MatrixShape<'a> {
        (&table.weight, table.rows, self.hidden_size)
    }

    /// Every vector as (name, length).
    pub fn vectors(&self) -> impl Iterator<Item = (&str, usize)> {
        let layers = || self.layers.iter();
        let norms = layers().flat_map(|layer| layer.attention_norm.iter().chain([&layer.output_norm]));
        let norms = [&self.embeddings.norm].into_iter().chain(norms).chain(&self.final_norm);
        let norms = norms
            .flat_map(|norm| [Some(&norm.weight), norm.bias.as_ref()])
            .flatten()
            .map(|name| (name.as_str(), self.hidden_size));
        let biases = layers().flat_map(LayerSpec::linears);
        norms.chain(biases.filter_map(|linear| Some((linear.bias.as_deref()?, linear.outputs))))
    }
}

impl LayerSpec {
    /// Every linear layer.
    pub fn linears(&self) -> impl Iterator<Item = &LinearSpec> {
        let attention = self.query_key_value.iter().chain([&self.attention_output]);
        attention.chain(&self.up).chain([&self.down])
    }
}

/// Static embeddings: a text's vector is the mean of `table[mapping[id]] * weights[id]` over its tokens, and zero for a
/// text without any.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StaticSpec {
    pub hidden_size: usize,
    pub table: TableSpec,
    /// Integer tensor and its length: the row of each token id, otherwise the id itself.
    pub mapping: Option<(String, usize)>,
    /// Tensor with a factor for each token id.
    pub weights: Option<String>,
    /// The tokenizer's unknown token is left out, as Model2Vec does.
    pub drop_unknown: bool,
    /// Tokens of a text, unknown ones included; Model2Vec also cuts the text to this times the median length of a token
    /// in characters.
    pub max_tokens: usize,
}

#[cfg(test)]
mod tests {
    use super::{PositionSpec, TableSpec};

    #[test]
    fn a_spelled_padding_token_is_not_counted() {
        let table = TableSpec { weight: String::new(), rows: 514 };
        let position = PositionSpec { table, padding: Some(1) };
        assert_eq!(position.rows(&[0, 7, 1, 8, 2]).collect::<Vec<_>>(), [2, 3, 1, 4, 5]);
        assert_eq!(position.longest(), 512);
        let plain = PositionSpec { padding: None, ..position };
        assert_eq!(plain.rows(&[0, 7, 1]).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
