#!/usr/bin/env python3
"""Writes a cache of the Hugging Face hub that holds one model folder, for engines that read nothing else.

    python benches/exports/hub-cache.py MODEL_FOLDER TARGET_FOLDER

TARGET/hub/models--benches--model: `HF_HOME=TARGET` makes it the model `benches/model`. The tokenizer neither cuts nor
pads of its own accord (all-MiniLM-L6-v2's would cut at 128).
"""

import json
import shutil
import sys
from pathlib import Path

import scratch

COMMIT = "0" * 40


def main() -> None:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    with scratch.folder(target) as folder:
        model = folder / "hub" / "models--benches--model"
        snapshot = model / "snapshots" / COMMIT
        shutil.copytree(source, snapshot)
        (model / "refs").mkdir()
        (model / "refs" / "main").write_text(COMMIT)
        file = snapshot / "tokenizer.json"
        tokenizer = json.loads(file.read_text())
        tokenizer["truncation"] = tokenizer["padding"] = None
        file.write_text(json.dumps(tokenizer, ensure_ascii=False))


if __name__ == "__main__":
    main()
