//! rten as a benchmark engine, on the graphs that onnxruntime gets: token ids come ready-made, pooling is in the graph.

use std::collections::HashMap;
use std::sync::Arc;

use candle_embed_benches::{Batch, Engine, Load, Result, Settings, serve};
use rten::{Model, ModelOptions, RunOptions, ThreadPool};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};
use serde_json::{Value, json};

#[derive(Default)]
struct Rten {
    models: HashMap<String, Model>,
    threads: Option<Arc<ThreadPool>>,
}

impl Rten {
    fn model(&mut self, settings: &Settings) -> Result<&Model> {
        let graph = settings.graph.as_ref().ok_or("no graph")?;
        if !self.models.contains_key(graph) {
            // Weights packed at load: as its page on performance advises for inputs of many tokens.
            let model = ModelOptions::with_all_ops().prepack_weights(true).load_file(graph)?;
            self.models.insert(graph.clone(), model);
        }
        Ok(&self.models[graph])
    }
}

impl Engine for Rten {
    fn load(&mut self, request: &Load) -> Result<Value> {
        self.threads = Some(Arc::new(ThreadPool::with_num_threads(request.threads)));
        self.model(&request.settings)?;
        Ok(json!({ "rten": "0.27.0" }))
    }

    fn embed(&mut self, batch: &Batch<'_>, settings: &Settings) -> Result<Vec<Vec<f32>>> {
        let pool = self.threads.clone();
        let model = self.model(settings)?;
        let (ids, mask, texts, width) = batch.padded::<i32>();
        let types = Tensor::<i32>::zeros(&[texts, width]);
        let inputs = vec![
            (model.node_id("input_ids")?, Tensor::from_data(&[texts, width], ids).into()),
            (model.node_id("attention_mask")?, Tensor::from_data(&[texts, width], mask).into()),
            (model.node_id("token_type_ids")?, types.into()),
        ];
        let mut options = RunOptions::default();
        options.thread_pool = pool;
        let [vectors] = model.run_n(inputs, [model.node_id("sentence_embedding")?], Some(options))?;
        let vectors: NdTensor<f32, 2> = vectors.try_into()?;
        Ok((0..texts).map(|row| vectors.slice(row).to_vec()).collect())
    }
}

fn main() -> Result<()> {
    serve(Rten::default())
}
