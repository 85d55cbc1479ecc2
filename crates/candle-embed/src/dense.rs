//! sentence-transformers' `Dense` module: a linear layer with an activation on the pooled vector.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files::Files;
use crate::folder::weight_files;
use crate::weights::Weights;

/// Widest layer that is accepted, as a bound on what a damaged config can make us allocate.
const MAX_FEATURES: usize = 1 << 20;

/// The activation of a dense layer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DenseActivation {
    Identity,
    Tanh,
    Relu,
}

/// A dense layer after pooling.
#[derive(Debug)]
pub(crate) struct Dense {
    /// `[outputs, inputs]` row-major.
    weight: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    activation: DenseActivation,
    config: DenseConfig,
    weights_sha256: String,
}

/// `config.json` of the module.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct DenseConfig {
    in_features: usize,
    out_features: usize,
    #[serde(default = "default_bias")]
    bias: bool,
    activation_function: String,
    #[serde(default)]
    use_residual: bool,
}

fn default_bias() -> bool {
    true
}

impl Dense {
    /// Reads the module in `folder`, which takes `inputs` components.
    pub fn load(files: &Files, folder: &Path, inputs: usize) -> Result<Self> {
        let config: DenseConfig = files.json(&folder.join("config.json"))?;
        if config.in_features != inputs || config.out_features == 0 || config.out_features > MAX_FEATURES {
            return Err(Error::invalid_model(format!(
                "{}: {} to {} features, after a vector of {inputs}",
                folder.display(),
                config.in_features,
                config.out_features
            )));
        }
        if config.use_residual {
            return Err(Error::unsupported(format!("{}: a dense layer with use_residual", folder.display())));
        }
        let activation = match config.activation_function.rsplit('.').next().unwrap_or_default() {
            "Identity" => DenseActivation::Identity,
            "Tanh" => DenseActivation::Tanh,
            "ReLU" => DenseActivation::Relu,
            other => {
                return Err(Error::unsupported(format!(
                    "{}: activation {other:?}; supported: Identity, Tanh, ReLU",
                    folder.display()
                )));
            }
        };
        let weights = Weights::open(files, &weight_files(files, folder)?)?;
        let weight = weights.matrix_values("linear.weight", config.out_features, inputs)?;
        let bias = match config.bias {
            true => weights.vector("linear.bias", config.out_features)?,
            false => vec![0.0; config.out_features],
        };
        Ok(Self { weight, bias, inputs, activation, config, weights_sha256: weights.sha256() })
    }

    /// What decides this module's part of the vector space: its configuration and the SHA-256 of its weights.
    pub fn identity(&self) -> (&DenseConfig, &str) {
        (&self.config, &self.weights_sha256)
    }

    /// Weight, `[outputs, inputs]` row-major, bias and activation.
    pub fn parts(&self) -> (&[f32], &[f32], DenseActivation) {
        (&self.weight, &self.bias, self.activation)
    }

    /// Components of the result.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Applies the layer to `vector`.
    pub fn apply(&self, vector: &[f32]) -> Vec<f32> {
        let rows = self.weight.chunks_exact(self.inputs).zip(&self.bias);
        let outputs = rows.map(|(row, bias)| {
            let sum: f64 = row.iter().zip(vector).map(|(weight, value)| f64::from(*weight) * f64::from(*value)).sum();
            (sum + f64::from(*bias)) as f32
        });
        match self.activation {
            DenseActivation::Identity => outputs.collect(),
            DenseActivation::Tanh => outputs.map(f32::tanh).collect(),
            DenseActivation::Relu => outputs.map(|value| if value < 0.0 { 0.0 } else { value }).collect(),
        }
    }
}
