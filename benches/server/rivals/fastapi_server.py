"""sentence-transformers behind FastAPI, as tutorials do it: a `def` route, which FastAPI runs on its pool of threads.

Calls of the model take turns, each with all threads; FastAPI would run up to 40 at once.
Run: uvicorn fastapi_server:app --host 127.0.0.1 --port PORT
"""

import os
import threading

os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="")

import torch
from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer

torch.set_num_threads(int(os.environ["THREADS"]))
model = SentenceTransformer(os.environ["MODEL"], device="cpu")
lock = threading.Lock()
app = FastAPI()


class EmbeddingRequest(BaseModel):
    input: str | list[str]
    model: str = ""


@app.get("/health")
def health():
    return {}


@app.post("/v1/embeddings")
def embeddings(request: EmbeddingRequest):
    texts = [request.input] if isinstance(request.input, str) else request.input
    with lock:
        vectors = model.encode(texts, batch_size=64, show_progress_bar=False)
    data = [{"object": "embedding", "index": i, "embedding": v.tolist()} for i, v in enumerate(vectors)]
    return {"object": "list", "data": data, "model": request.model}
