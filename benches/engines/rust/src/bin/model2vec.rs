//! model2vec-rs as a benchmark engine: static embeddings, with its own tokenizer.

use candle_embed_benches::{Batch, Engine, Load, Result, Settings, serve};
use model2vec_rs::model::StaticModel;
use serde_json::{Value, json};

#[derive(Default)]
struct Model2Vec {
    model: Option<StaticModel>,
}

impl Engine for Model2Vec {
    fn load(&mut self, request: &Load) -> Result<Value> {
        self.model = Some(StaticModel::from_pretrained(&request.model, None, None, None)?);
        Ok(json!({ "model2vec-rs": "0.4.0" }))
    }

    fn embed(&mut self, batch: &Batch<'_>, _: &Settings) -> Result<Vec<Vec<f32>>> {
        let model = self.model.as_ref().ok_or("no model")?;
        if let [text] = batch.texts.as_slice() {
            return Ok(vec![model.encode_single(text)]);
        }
        let texts: Vec<String> = batch.texts.iter().map(|text| (*text).to_owned()).collect();
        Ok(model.encode(&texts))
    }
}

fn main() -> Result<()> {
    serve(Model2Vec::default())
}
