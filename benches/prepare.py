#!/usr/bin/env python3
"""Writes, for a list of texts, what engines are given and what they are checked against.

    python benches/prepare.py MODEL_FOLDER LIMIT TEXTS_JSON TOKENS_JSON REFERENCE_JSON SAMPLES

TEXTS_JSON is an array of strings. TOKENS_JSON becomes the array of their token ids (special tokens included, cut at
LIMIT). REFERENCE_JSON becomes { indices, vectors }: about SAMPLES texts, evenly spread over the lengths, with the
float32 vectors that sentence-transformers (for static models: Model2Vec) gives for each of them alone (no padding, one
thread).
"""

import base64
import json
import os
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="")

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer


def main() -> None:
    folder, limit, texts_file, tokens_file, reference_file, samples = sys.argv[1:]
    texts = json.loads(Path(texts_file).read_text())
    tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(int(limit))
    tokens = [encoding.ids for encoding in tokenizer.encode_batch(texts)]

    torch.set_num_threads(1)
    if json.loads((Path(folder) / "config.json").read_text()).get("model_type") == "model2vec":
        # Model2Vec leaves unknown tokens out and has a limit of its own: its own library is the reference.
        from model2vec import StaticModel

        model = StaticModel.from_pretrained(folder)
    else:
        model = SentenceTransformer(folder, device="cpu")
        model.max_seq_length = int(limit)
    order = sorted(range(len(texts)), key=lambda i: len(tokens[i]))
    count = min(int(samples), len(texts))
    indices = sorted({order[i * (len(order) - 1) // max(count - 1, 1)] for i in range(count)})
    vectors = np.stack([model.encode(texts[i]) for i in indices]).astype("<f4")

    reference = {
        "indices": indices,
        "dimensions": vectors.shape[1],
        "vectors": base64.b64encode(vectors.tobytes()).decode(),
    }
    write(reference_file, reference)
    write(tokens_file, tokens)


def write(file: str, value) -> None:
    """Under another name first: a run that is broken off leaves no half of a file."""
    partial = f"{file}.{os.getpid()}"
    Path(partial).write_text(json.dumps(value, separators=(",", ":")))
    os.replace(partial, file)


if __name__ == "__main__":
    main()
