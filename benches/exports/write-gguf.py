#!/usr/bin/env python3
"""Writes a BERT folder in the sentence-transformers layout as GGUF, for llama.cpp.

    python benches/exports/write-gguf.py MODEL_FOLDER TARGET_FOLDER

TARGET/f32.gguf   float32
TARGET/q8_0.gguf  matrices as Q8_0: blocks of 32 int8 weights with a scale each, as llama.cpp quantises them
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np
import scratch
from gguf import GGMLQuantizationType as Type
from safetensors.numpy import load_file

ARCHITECTURE = gguf.MODEL_ARCH.BERT


def vocabulary(model: Path) -> tuple[list[str], list[int]]:
    """llama.cpp's WordPiece vocabulary: a mark before tokens that begin a word, none before those that go on with one."""
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    special = {entry["content"] for entry in tokenizer["added_tokens"] if entry["special"]}
    tokens, types = [], []
    for token, _ in sorted(tokenizer["model"]["vocab"].items(), key=lambda entry: entry[1]):
        if token in special:
            tokens.append(token)
            types.append(gguf.TokenType.CONTROL)
        else:
            tokens.append(token[2:] if token.startswith("##") else f"\u2581{token}")
            types.append(gguf.TokenType.NORMAL)
    return tokens, types


def write(model: Path, target: Path, quantised: bool) -> None:
    config = json.loads((model / "config.json").read_text())
    writer = gguf.GGUFWriter(target, gguf.MODEL_ARCH_NAMES[ARCHITECTURE])
    writer.add_name(model.name)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0 if quantised else gguf.LlamaFileType.ALL_F32)

    tokens, types = vocabulary(model)
    ids = {token: i for i, token in enumerate(tokens)}
    writer.add_token_type_count(config["type_vocab_size"])
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_bos_token_id(ids["[CLS]"])
    writer.add_sep_token_id(ids["[SEP]"])
    writer.add_eos_token_id(ids["[SEP]"])
    writer.add_unk_token_id(ids["[UNK]"])
    writer.add_pad_token_id(ids["[PAD]"])
    writer.add_mask_token_id(ids["[MASK]"])

    names = gguf.get_tensor_name_map(ARCHITECTURE, config["num_hidden_layers"])
    for name, values in load_file(model / "model.safetensors").items():
        name = name.removeprefix("bert.")
        # The pooler is a layer for next-sentence prediction; positions are counted by llama.cpp.
        if name.startswith("pooler.") or name.endswith("position_ids"):
            continue
        mapped = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if mapped is None:
            raise SystemExit(f"no name for {name} in GGUF")
        values = np.ascontiguousarray(values, dtype=np.float32)
        # llama.cpp adds positions and segments as float32.
        small = "position_embd" in mapped or "token_types" in mapped
        if quantised and values.ndim == 2 and not small:
            writer.add_tensor(mapped, gguf.quants.quantize(values, Type.Q8_0), raw_dtype=Type.Q8_0)
        else:
            writer.add_tensor(mapped, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    model, target = Path(sys.argv[1]), Path(sys.argv[2])
    with scratch.folder(target) as folder:
        write(model, folder / "f32.gguf", quantised=False)
        write(model, folder / "q8_0.gguf", quantised=True)


if __name__ == "__main__":
    main()
