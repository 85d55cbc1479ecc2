#!/usr/bin/env python3
"""Writes a model folder of the shape of bge-base (12 layers of 768, 12 heads, 3072) with seeded random weights.

    python benches/exports/base-shape.py MINILM_FOLDER TARGET_FOLDER [minilm]

Its vectors mean nothing; its cost is that of the real one. Tokenizer, limit and pooling are those of
all-MiniLM-L6-v2, which has the same vocabulary, so both models see the same tokens. "minilm": of the shape of
all-MiniLM-L6-v2 (6 layers of 384, 12 heads, 1536), for machines that its weights were not brought to.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="")

import torch
from transformers import BertConfig, BertModel

FILES = [
    "config_sentence_transformers.json",
    "modules.json",
    "sentence_bert_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
]


def main() -> None:
    minilm, target = Path(sys.argv[1]), Path(sys.argv[2])
    layers, hidden = (6, 384) if sys.argv[3:] == ["minilm"] else (12, 768)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=".partial-"))
    try:
        model = scratch / "model"
        (model / "1_Pooling").mkdir(parents=True)
        for name in FILES:
            # The folder of the package has no files but those that candle-embed reads.
            if (minilm / name).exists():
                shutil.copyfile(minilm / name, model / name)
        pooling = json.loads((minilm / "1_Pooling" / "config.json").read_text())
        (model / "1_Pooling" / "config.json").write_text(json.dumps({**pooling, "word_embedding_dimension": hidden}))
        torch.manual_seed(20)
        config = BertConfig(
            vocab_size=30522,
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=12,
            intermediate_size=4 * hidden,
            max_position_embeddings=512,
        )
        BertModel(config).save_pretrained(model)
        shutil.rmtree(target, ignore_errors=True)
        model.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
