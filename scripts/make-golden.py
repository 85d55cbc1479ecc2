#!/usr/bin/env python3
"""Writes src/evaluation/golden/<name>.json: what sentence-transformers gives for the texts of `candle-embed verify`.

    python -m pip install -r scripts/requirements.txt
    python scripts/make-golden.py all-MiniLM-L6-v2 "$(node scripts/get-test-weights.mjs)"

The folder holds the float32 weights of the model that the catalogue calls NAME. One text at a time (no padding), without
a prompt, unit length, one thread. A new file also needs its line in src/evaluation/golden-sets.ts.
"""

import argparse
import base64
import hashlib
import json
import os
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="")

import numpy as np
import sentence_transformers
import torch
from sentence_transformers import SentenceTransformer

EVALUATION = Path(__file__).resolve().parent.parent / "src" / "evaluation"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    texts = json.loads((EVALUATION / "texts.json").read_text())
    model = SentenceTransformer(str(arguments.folder), device="cpu")
    options = dict(prompt="", batch_size=1, normalize_embeddings=True, show_progress_bar=False)
    vectors = np.stack([model.encode([text], **options)[0] for text in texts])
    weights = (arguments.folder / "model.safetensors").read_bytes()
    golden = {
        "model": arguments.name,
        "weightsSha256": hashlib.sha256(weights).hexdigest(),
        "textsSha256": hashlib.sha256((EVALUATION / "texts.json").read_bytes()).hexdigest(),
        "madeWith": f"sentence-transformers {sentence_transformers.__version__}",
        "dimensions": vectors.shape[1],
        "vectors": base64.b64encode(vectors.astype("<f4").tobytes()).decode(),
    }
    target = EVALUATION / "golden" / f"{arguments.name.lower()}.json"
    target.write_text(json.dumps(golden, indent=2) + "\n")
    print(f"{target}: {vectors.shape[0]} vectors of {vectors.shape[1]}")


if __name__ == "__main__":
    main()
