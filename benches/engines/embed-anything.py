"""EmbedAnything on its Candle backend. It reads models from Hugging Face's cache; exports/hub-cache.py makes one."""

import os

from serve import serve, versions


class Engine:
    def load(self, request):
        os.environ["HF_HOME"] = request["model"]
        from embed_anything import Dtype, EmbeddingModel, Pooling

        self.model = EmbeddingModel.from_pretrained_hf("benches/model", dtype=Dtype.F32, pooling=Pooling.Mean)
        return versions("embed-anything")

    def embed(self, texts, settings):
        from embed_anything import TextEmbedConfig, embed_query

        config = TextEmbedConfig(batch_size=settings["batch"])
        return [item.embedding for item in embed_query(texts, embedder=self.model, config=config)]

    def one(self, text):
        from embed_anything import embed_query

        return embed_query([text], embedder=self.model)[0].embedding


serve(Engine())
