"""fastembed (Python) with a model folder of one's own."""

from serve import serve, versions

from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType

NAME = "benches/minilm"


class Engine:
    def load(self, request):
        TextEmbedding.add_custom_model(
            model=NAME,
            pooling=PoolingType.MEAN,
            normalization=True,
            sources=ModelSource(hf=NAME),
            dim=request["settings"]["dimensions"],
            model_file="onnx/model.onnx",
        )
        self.model = TextEmbedding(NAME, specific_model_path=request["model"], threads=request["threads"])
        return versions("fastembed", "onnxruntime")

    def embed(self, texts, settings):
        return list(self.model.embed(texts, batch_size=settings["batch"]))

    def one(self, text):
        return next(iter(self.model.embed([text])))


serve(Engine())
