#!/usr/bin/env python3
"""Writes what sentence-transformers' OpenVINO backend loads.

    python benches/exports/sentence-transformers-openvino.py MODEL_FOLDER TEXTS_JSON TARGET_FOLDER

TARGET is the folder with openvino/openvino_model.xml and openvino/openvino_model_qint8_quantized.xml: the quantisation of
`export_static_quantized_openvino_model` with its default configuration, calibrated with up to 300 texts of TEXTS_JSON.
(The function itself fetches its texts from the hub.)
"""

import json
import os
import shutil
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="")

import nncf
import openvino
import scratch
from optimum.intel.openvino import OVQuantizationConfig
from sentence_transformers import SentenceTransformer


def main() -> None:
    source, texts, target = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3])
    with scratch.folder(target) as folder:
        shutil.copytree(source, folder, dirs_exist_ok=True)
        model = SentenceTransformer(str(folder), device="cpu", backend="openvino", model_kwargs={"export": True})
        model.save_pretrained(str(folder))
        graph = openvino.Core().read_model(folder / "openvino" / "openvino_model.xml")
        names = {name for entry in graph.inputs for name in entry.get_names()}

        def tokens(text):
            encoded = model.tokenizer(text, truncation=True, max_length=256, return_tensors="np")
            encoded.setdefault("token_type_ids", encoded["input_ids"] * 0)
            return {name: value for name, value in encoded.items() if name in names}

        config = OVQuantizationConfig()
        quantised = nncf.quantize(
            graph,
            nncf.Dataset(texts, tokens),
            subset_size=min(config.num_samples or 300, len(texts)),
            model_type=nncf.ModelType.TRANSFORMER,
            fast_bias_correction=config.fast_bias_correction,
        )
        openvino.save_model(
            quantised, folder / "openvino" / "openvino_model_qint8_quantized.xml", compress_to_fp16=False
        )
        (folder / "model.safetensors").unlink()


if __name__ == "__main__":
    main()
