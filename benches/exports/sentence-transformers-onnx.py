#!/usr/bin/env python3
"""Writes what sentence-transformers' ONNX backend loads, by its own exporters and as its page on efficiency says.

    python benches/exports/sentence-transformers-onnx.py MODEL_FOLDER TARGET_FOLDER

TARGET is the folder with onnx/model.onnx, onnx/model_O3.onnx (optimised; O4 is for GPUs) and
onnx/model_qint8_<instruction set>.onnx beside its own files.
"""

import os
import platform
import shutil
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="")

import scratch
from sentence_transformers import (
    SentenceTransformer,
    export_dynamic_quantized_onnx_model,
    export_optimized_onnx_model,
)


def quantization() -> str:
    if platform.machine() in ("aarch64", "arm64"):
        return "arm64"
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return "avx512_vnni" if "avx512_vnni" in flags else "avx2"


def main() -> None:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    with scratch.folder(target) as folder:
        shutil.copytree(source, folder, dirs_exist_ok=True)
        model = SentenceTransformer(str(folder), device="cpu", backend="onnx", model_kwargs={"export": True})
        model.save_pretrained(str(folder))
        export_optimized_onnx_model(model, "O3", str(folder))
        export_dynamic_quantized_onnx_model(model, quantization(), str(folder), file_suffix="qint8")
        (folder / "model.safetensors").unlink()


if __name__ == "__main__":
    main()
