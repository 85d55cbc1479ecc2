#!/usr/bin/env python3
"""Writes test/fixtures/datasets: tiny data sets in the hub's form, as pyarrow (and so Python's datasets) writes Parquet.

    python -m pip install pyarrow==26.0.1
    python scripts/make-datasets.py
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet

FOLDER = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "datasets"

STSB = {
    "sentence1": ["A dog runs.", "Un café « chaud ».", "Rain falls.", "He sings\tloudly."],
    "sentence2": ["A dog is running.", "A hot coffee.", "The sun shines.", "He\nwhispers."],
    "score": [0.96, 0.9, 0.1, 0.24],
}
CORPUS = {"_id": ["d1", "d2", "d3", "d4"], "text": ["red apples", "green pears", "", "blue plums 🫐"]}
QUERIES = {"_id": ["q1", "q2", "unjudged"], "text": ["red apples", "blue plums", "nothing"]}
QRELS = {"query-id": ["q1", "q2", "q2"], "corpus-id": ["d1", "d4", "d2"]}


def main():
    write("stsb/data/test-00000-of-00001.parquet", STSB)
    write("nano/corpus/train-00000-of-00002.parquet", {name: values[:2] for name, values in CORPUS.items()})
    write("nano/corpus/train-00001-of-00002.parquet", {name: values[2:] for name, values in CORPUS.items()})
    write("nano/queries/train-00000-of-00001.parquet", QUERIES)
    write("nano/qrels/train-00000-of-00001.parquet", QRELS)


def write(name, columns):
    file = FOLDER / name
    file.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), file, compression="snappy")


if __name__ == "__main__":
    main()
