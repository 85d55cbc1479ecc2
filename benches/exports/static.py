#!/usr/bin/env python3
"""Distils a static model (Model2Vec) out of a BERT folder: the kind of model that is a table of vectors and a mean.

    python benches/exports/static.py MODEL_FOLDER TARGET_FOLDER
"""

import os
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="")

import scratch
from model2vec.distill import distill


def main() -> None:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    with scratch.folder(target) as folder:
        distill(str(source), pca_dims=256, device="cpu").save_pretrained(folder)


if __name__ == "__main__":
    main()
