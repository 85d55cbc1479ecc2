"""model2vec (Python): static embeddings."""

from serve import serve, versions

from model2vec import StaticModel


class Engine:
    def load(self, request):
        self.model = StaticModel.from_pretrained(request["model"])
        return versions("model2vec")

    def embed(self, texts, settings):
        return self.model.encode(texts, batch_size=settings["batch"])

    def one(self, text):
        return self.model.encode(text)


serve(Engine())
