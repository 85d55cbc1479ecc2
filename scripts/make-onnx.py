#!/usr/bin/env python3
"""Writes the ONNX model of a BERT folder, as transformers.js and fastembed-js load one, for the tests that compare with them.

    python scripts/make-onnx.py MODEL_FOLDER TARGET_FOLDER

TARGET/onnx/model.onnx  float32, with the vectors of the tokens, as exports on the hub have it
TARGET/model.onnx       the same with the mean of the tokens, at length 1, where fastembed-js looks for the vector of [CLS]
TARGET/*.json           config and tokenizer, which cuts where the model says and not at the 128 of all-MiniLM-L6-v2's file

The graph is written node by node: that takes the packages onnx, numpy and safetensors. `benches/exports/onnx-graphs.py` traces
the model with torch and quantises it with onnxruntime, which takes gigabytes of packages.
"""

import argparse
import json
import math
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

# What the onnxruntime of fastembed-js (1.21) reads.
OPSET, IR_VERSION = 17, 8


class Graph:
    """Nodes and constants in the order they are added, each named after its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, **attributes) -> str:
        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def constant(self, value, dtype=np.int64) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype), name))
        return name

    def floats(self, value) -> str:
        return self.constant(value, np.float32)


def encoder(graph: Graph, config: dict, weights: dict) -> str:
    """BERT's layers; the name of what has the vectors of the tokens."""
    epsilon = config["layer_norm_eps"]
    heads = config["num_attention_heads"]
    size = config["hidden_size"] // heads

    def linear(x: str, name: str) -> str:
        product = graph.add("MatMul", x, graph.floats(weights[f"{name}.weight"].T))
        return graph.add("Add", product, graph.floats(weights[f"{name}.bias"]))

    def norm(x: str, name: str) -> str:
        scale, bias = (graph.floats(weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return graph.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=epsilon)

    def gelu(x: str) -> str:
        error = graph.add("Erf", graph.add("Mul", x, graph.floats(math.sqrt(0.5))))
        return graph.add("Mul", graph.add("Mul", x, graph.floats(0.5)), graph.add("Add", error, graph.floats(1.0)))

    def split(x: str, order: list[int]) -> str:
        return graph.add("Transpose", graph.add("Reshape", x, graph.constant([0, 0, heads, size])), perm=order)

    def attention(x: str, name: str) -> str:
        query = split(linear(x, f"{name}.query"), [0, 2, 1, 3])
        key = split(linear(x, f"{name}.key"), [0, 2, 3, 1])
        value = split(linear(x, f"{name}.value"), [0, 2, 1, 3])
        scores = graph.add("Mul", graph.add("MatMul", query, key), graph.floats(size**-0.5))
        shares = graph.add("Softmax", graph.add("Add", scores, mask), axis=-1)
        context = graph.add("Transpose", graph.add("MatMul", shares, value), perm=[0, 2, 1, 3])
        return graph.add("Reshape", context, graph.constant([0, 0, heads * size]))

    absent = graph.add("Sub", graph.floats(1.0), graph.add("Cast", "attention_mask", to=TensorProto.FLOAT))
    lowest = graph.floats(np.finfo(np.float32).min)
    mask = graph.add("Unsqueeze", graph.add("Mul", absent, lowest), graph.constant([1, 2]))

    words, types, positions = (
        graph.floats(weights[f"embeddings.{name}_embeddings.weight"]) for name in ("word", "token_type", "position")
    )
    length = graph.add("Slice", graph.add("Shape", "input_ids"), graph.constant([1]), graph.constant([2]))
    x = graph.add("Add", graph.add("Gather", words, "input_ids"), graph.add("Gather", types, "token_type_ids"))
    x = graph.add("Add", x, graph.add("Slice", positions, graph.constant([0]), length))
    x = norm(x, "embeddings.LayerNorm")
    for layer in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{layer}"
        attended = linear(attention(x, f"{name}.attention.self"), f"{name}.attention.output.dense")
        x = norm(graph.add("Add", attended, x), f"{name}.attention.output.LayerNorm")
        wide = gelu(linear(x, f"{name}.intermediate.dense"))
        x = norm(graph.add("Add", linear(wide, f"{name}.output.dense"), x), f"{name}.output.LayerNorm")
    return x


def mean_of_length_1(graph: Graph, tokens: str) -> str:
    # [batch, 1, sequence] x [batch, sequence, hidden]; the count cancels out when the length becomes 1.
    row = graph.add("Unsqueeze", graph.add("Cast", "attention_mask", to=TensorProto.FLOAT), graph.constant([1]))
    total = graph.add("MatMul", row, tokens)
    return graph.add("Div", total, graph.add("ReduceL2", total, axes=[-1], keepdims=1))


def save(config: dict, weights: dict, target: Path, *, pooled: bool) -> None:
    graph = Graph()
    result = encoder(graph, config, weights)
    if pooled:
        result = mean_of_length_1(graph, result)
    graph.nodes.append(helper.make_node("Identity", [result], ["last_hidden_state"]))
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    shape = ["batch", 1 if pooled else "sequence", config["hidden_size"]]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, shape)
    model = helper.make_model(
        helper.make_graph(graph.nodes, "bert", inputs, [output], graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model)
    onnx.save(model, target)


def copy_tokenizer(folder: Path, target: Path, limit: int) -> None:
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    settings["model_max_length"] = limit
    tokenizer["truncation"] = tokenizer["padding"] = None
    (target / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    (target / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    # fastembed-js asks for this file.
    special = {name: value for name, value in settings.items() if name.endswith("_token")}
    (target / "special_tokens_map.json").write_text(json.dumps(special), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()

    config = json.loads((args.model / "config.json").read_text("utf-8"))
    if config["model_type"] != "bert" or config["hidden_act"] != "gelu":
        parser.error(f"{args.model}: only BERT with gelu")
    settings = json.loads((args.model / "sentence_bert_config.json").read_text("utf-8"))
    limit = settings.get("max_seq_length") or config["max_position_embeddings"]
    weights = {name.removeprefix("bert."): value for name, value in load_file(args.model / "model.safetensors").items()}

    (args.target / "onnx").mkdir(parents=True)
    shutil.copyfile(args.model / "config.json", args.target / "config.json")
    copy_tokenizer(args.model, args.target, limit)
    save(config, weights, args.target / "onnx" / "model.onnx", pooled=False)
    save(config, weights, args.target / "model.onnx", pooled=True)


if __name__ == "__main__":
    main()
