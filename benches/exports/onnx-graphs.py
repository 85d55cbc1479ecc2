#!/usr/bin/env python3
"""Writes what the ONNX engines of the benchmarks load, from a BERT folder in the sentence-transformers layout.

    python benches/exports/onnx-graphs.py MODEL_FOLDER TARGET_FOLDER [--weight-only FILE]

`--weight-only` is an ONNX export of the same model with int8 weights and float32 arithmetic to take along.

TARGET/graphs/         `sentence_embedding` = mean pooling and unit length inside the graph, so that JavaScript has nothing
                       left to do: f32, f32-fused (onnxruntime.transformers.optimizer), int8-tensor and int8-channel
                       (quantize_dynamic; each also -fused), int8-blocks (MatMulNBits, 8 bits, int8 arithmetic; also
                       -fused), int8-weights
TARGET/transformers-js/  config, tokenizer, onnx/model.onnx and onnx/model_quantized.onnx (= int8-tensor, unpooled)
TARGET/fastembed-js/     the same, with a model.onnx whose pooled vector stands where fastembed-js looks for [CLS]
"""

import argparse
import json
import logging
import math
import os
import shutil
import tempfile
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="")

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.transformers import optimizer
from transformers import BertModel

logging.disable(logging.INFO)

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
OPSET = 17


class Encoder(torch.nn.Module):
    """BertModel's layers, with attention spelt as transformers 4 did: the pattern that onnxruntime fuses into one
    operator. The traced attention of transformers 5 stays in pieces."""

    def __init__(self, bert: BertModel):
        super().__init__()
        self.bert = bert
        self.heads = bert.config.num_attention_heads
        self.size = bert.config.hidden_size // self.heads

    def forward(self, input_ids, attention_mask, token_type_ids):
        mask = attention_mask[:, None, None, :].to(torch.float32)
        mask = (1.0 - mask) * torch.finfo(torch.float32).min
        hidden = self.bert.embeddings(input_ids=input_ids, token_type_ids=token_type_ids)
        for layer in self.bert.encoder.layer:
            context = self.attend(layer.attention.self, hidden, mask)
            hidden = layer.attention.output(context, hidden)
            hidden = layer.output(layer.intermediate(hidden), hidden)
        return hidden

    def attend(self, attention, hidden, mask):
        query = self.split(attention.query(hidden))
        key = self.split(attention.key(hidden))
        value = self.split(attention.value(hidden))
        scores = torch.matmul(query, key.transpose(-1, -2)) / math.sqrt(self.size)
        context = torch.matmul(torch.nn.functional.softmax(scores + mask, dim=-1), value)
        context = context.permute(0, 2, 1, 3).contiguous()
        return context.view(context.size()[:-2] + (self.heads * self.size,))

    def split(self, x):
        return x.view(x.size()[:-1] + (self.heads, self.size)).permute(0, 2, 1, 3)


def export(folder: Path, target: Path) -> BertModel:
    bert = BertModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    ids = torch.tensor([[101, 7592, 2088, 102], [101, 7592, 102, 0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    axes = {name: {0: "batch", 1: "sequence"} for name in [*INPUTS, "last_hidden_state"]}
    with torch.no_grad():
        torch.onnx.export(
            Encoder(bert),
            (ids, mask, torch.zeros_like(ids)),
            str(target),
            input_names=INPUTS,
            output_names=["last_hidden_state"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    return bert


def pooled(source: Path, target: Path, hidden: int, *, as_last_hidden_state: bool = False) -> None:
    """Copies a graph, with mean pooling over the attention mask and unit length behind it."""
    model = onnx.load(source)
    graph = model.graph
    (old,) = [output for output in graph.output if output.name == "last_hidden_state"]
    inner = "last_hidden_state"
    if as_last_hidden_state:
        inner = "token_vectors"
        for node in graph.node:
            for names in (node.input, node.output):
                for i, name in enumerate(names):
                    if name == "last_hidden_state":
                        names[i] = inner
    out = "last_hidden_state" if as_last_hidden_state else "sentence_embedding"
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))

    def constant(name: str, value) -> str:
        graph.initializer.append(numpy_helper.from_array(np.asarray(value, np.int64), name))
        return name

    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["pool_mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["pool_mask", constant("pool_one", [1])], ["pool_row"]),
        # [batch, 1, sequence] x [batch, sequence, hidden]; the count cancels out when the length becomes 1.
        helper.make_node("MatMul", ["pool_row", inner], ["pool_sum"]),
    ]
    if opset >= 18:
        nodes.append(helper.make_node("ReduceL2", ["pool_sum", constant("pool_last", [-1])], ["pool_norm"], keepdims=1))
    else:
        nodes.append(helper.make_node("ReduceL2", ["pool_sum"], ["pool_norm"], axes=[-1], keepdims=1))
    if as_last_hidden_state:
        nodes.append(helper.make_node("Div", ["pool_sum", "pool_norm"], [out]))
        shape = ["batch", 1, hidden]
    else:
        nodes.append(helper.make_node("Div", ["pool_sum", "pool_norm"], ["pool_unit"]))
        nodes.append(helper.make_node("Squeeze", ["pool_unit", "pool_one"], [out]))
        shape = ["batch", hidden]
    graph.node.extend(nodes)
    graph.output.remove(old)
    graph.output.append(helper.make_tensor_value_info(out, TensorProto.FLOAT, shape))
    onnx.save(model, target)


def fused(source: Path, target: Path, bert: BertModel) -> None:
    options = optimizer.FusionOptions("bert")
    config = bert.config
    result = optimizer.optimize_model(
        str(source),
        model_type="bert",
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
        optimization_options=options,
        opt_level=0,
        use_gpu=False,
    )
    print(f"fused: {result.get_fused_operator_statistics()}")
    result.save_model_to_file(str(target))


def dynamic(source: Path, target: Path, per_channel: bool) -> None:
    # The settings of Optimum and transformers.js for x86 with VNNI: signed weights, full range.
    quantize_dynamic(
        source,
        target,
        per_channel=per_channel,
        reduce_range=False,
        weight_type=QuantType.QInt8,
        # Shapes behind the fused operators can't be inferred; every tensor that is left is float32.
        extra_options={"DefaultTensorType": TensorProto.FLOAT},
    )


def blocks(source: Path, target: Path) -> None:
    quantizer = MatMulNBitsQuantizer(onnx.load(source), bits=8, block_size=128, is_symmetric=True, accuracy_level=4)
    quantizer.process()
    quantizer.model.save_model_to_file(str(target), use_external_data_format=False)


def copy_model_files(folder: Path, target: Path, limit: int) -> None:
    target.mkdir(parents=True)
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]:
        if (folder / name).exists():
            shutil.copyfile(folder / name, target / name)
    file = target / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    settings["model_max_length"] = limit
    file.write_text(json.dumps(settings))
    # The file of all-MiniLM-L6-v2 cuts and pads to 128 tokens of its own accord.
    file = target / "tokenizer.json"
    tokenizer = json.loads(file.read_text())
    tokenizer["truncation"] = tokenizer["padding"] = None
    file.write_text(json.dumps(tokenizer, ensure_ascii=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--weight-only", type=Path)
    parser.add_argument("--limit", type=int, default=256, help="tokens of a text")
    args = parser.parse_args()

    args.target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=args.target.parent, prefix=".partial-"))
    try:
        result = scratch / "result"
        graphs, js, fastembed = result / "graphs", result / "transformers-js", result / "fastembed-js"
        graphs.mkdir(parents=True)
        copy_model_files(args.model, js, args.limit)
        copy_model_files(args.model, fastembed, args.limit)
        (js / "onnx").mkdir()

        plain = scratch / "f32.onnx"
        bert = export(args.model, plain)
        hidden = bert.config.hidden_size
        fused(plain, scratch / "f32-fused.onnx", bert)
        made = ["f32", "f32-fused"]
        for suffix in ["", "-fused"]:
            source = scratch / f"f32{suffix}.onnx"
            dynamic(source, scratch / f"int8-tensor{suffix}.onnx", per_channel=False)
            dynamic(source, scratch / f"int8-channel{suffix}.onnx", per_channel=True)
            blocks(source, scratch / f"int8-blocks{suffix}.onnx")
            made += [f"{name}{suffix}" for name in ("int8-tensor", "int8-channel", "int8-blocks")]
        if args.weight_only:
            shutil.copyfile(args.weight_only, scratch / "int8-weights.onnx")
            made.append("int8-weights")
        for name in made:
            pooled(scratch / f"{name}.onnx", graphs / f"{name}.onnx", hidden)
        pooled(plain, fastembed / "model.onnx", hidden, as_last_hidden_state=True)
        shutil.move(plain, js / "onnx" / "model.onnx")
        shutil.move(scratch / "int8-tensor.onnx", js / "onnx" / "model_quantized.onnx")
        shutil.rmtree(args.target, ignore_errors=True)
        result.rename(args.target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
