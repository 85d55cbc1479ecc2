//! candle-transformers' `BertModel` as a benchmark engine. Padded batches; token ids come ready-made.

use candle_core::{DType, Device, Tensor};
use candle_embed_benches::{Batch, Engine, Load, Result, Settings, serve};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config, HiddenAct};
use serde_json::{Value, json};

#[derive(Default)]
struct Candle {
    model: Option<BertModel>,
}

impl Engine for Candle {
    fn load(&mut self, Load { model, .. }: &Load) -> Result<Value> {
        let mut config: Config = serde_json::from_slice(&std::fs::read(format!("{model}/config.json"))?)?;
        // The exact (erf) GELU that the model was trained with, as in all other engines.
        config.hidden_act = HiddenAct::Gelu;
        let file = format!("{model}/model.safetensors");
        // SAFETY: nobody writes the weights during a benchmark.
        let weights = unsafe { VarBuilder::from_mmaped_safetensors(&[file], DType::F32, &Device::Cpu)? };
        self.model = Some(BertModel::load(weights, &config)?);
        Ok(json!({ "candle-transformers": "0.11.1" }))
    }

    /// Mean pooling and unit length, as in candle's own example.
    fn embed(&mut self, batch: &Batch<'_>, _: &Settings) -> Result<Vec<Vec<f32>>> {
        let model = self.model.as_ref().ok_or("no model")?;
        let (ids, mask, texts, width) = batch.padded::<u32>();
        let ids = Tensor::from_vec(ids, (texts, width), &Device::Cpu)?;
        let mask = Tensor::from_vec(mask, (texts, width), &Device::Cpu)?;
        let hidden = model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        let mask = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
        let mean = hidden.broadcast_mul(&mask)?.sum(1)?.broadcast_div(&mask.sum(1)?)?;
        let unit = mean.broadcast_div(&mean.sqr()?.sum_keepdim(1)?.sqrt()?)?;
        Ok(unit.to_vec2()?)
    }
}

fn main() -> Result<()> {
    serve(Candle::default())
}
