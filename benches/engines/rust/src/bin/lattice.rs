//! lattice's BERT as a benchmark engine. It tokenizes itself and packs a batch without padding.

use candle_embed_benches::{Batch, Engine, Load, Result, Settings, serve};
use lattice_model_bert::BertModel;
use serde_json::{Value, json};

#[derive(Default)]
struct Lattice {
    model: Option<BertModel>,
}

impl Engine for Lattice {
    fn load(&mut self, Load { model, limit, .. }: &Load) -> Result<Value> {
        let read = |name: &str| std::fs::read(format!("{model}/{name}"));
        let config = String::from_utf8(read("config.json")?)?;
        let tokenizer = String::from_utf8(read("tokenizer.json")?)?;
        // The way in that takes a limit; the mean is its default pooling.
        let weights = read("model.safetensors")?;
        self.model = Some(BertModel::from_bytes_with_max_tokens(weights, &config, &tokenizer, *limit)?);
        Ok(json!({ "lattice-model-bert": "0.15.0" }))
    }

    fn embed(&mut self, batch: &Batch<'_>, _: &Settings) -> Result<Vec<Vec<f32>>> {
        Ok(self.model.as_ref().ok_or("no model")?.encode_batch(&batch.texts)?)
    }
}

fn main() -> Result<()> {
    serve(Lattice::default())
}
