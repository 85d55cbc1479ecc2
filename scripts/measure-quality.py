#!/usr/bin/env python3
"""What `candle-embed bench quality` measures, by sentence-transformers, scipy and pytrec_eval: the figures to compare with.

    python -m pip install -r scripts/requirements.txt pytrec-eval-terrier==0.5.11
    python scripts/measure-quality.py MODEL_FOLDER DATA...

Each DATA is a folder of BEIR's form or a file of sentence pairs (score, sentence, sentence; tabs between). A line of JSON each.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="")

import numpy as np
import pytrec_eval
from scipy.stats import pearsonr, spearmanr
from sentence_transformers import SentenceTransformer

DEPTH = 1000
MEASURES = {"ndcg@10": "ndcg_cut_10", "recall@10": "recall_10", "recall@100": "recall_100", "map": "map"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path, nargs="+")
    arguments = parser.parse_args()
    model = SentenceTransformer(str(arguments.model), device="cpu")
    for data in arguments.data:
        metrics = retrieval(model, data) if data.is_dir() else similarity(model, data)
        print(json.dumps({"model": arguments.model.name, "data": data.name, "metrics": metrics}), flush=True)


def similarity(model, file):
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row[0] != "score"]
    scores = [float(row[0]) for row in rows]
    left, right = (encode(model.encode, [row[column] for row in rows]) for column in (1, 2))
    cosines = (left * right).sum(axis=1)
    return {
        "spearman": float(spearmanr(scores, cosines).statistic),
        "pearson": float(pearsonr(scores, cosines).statistic),
    }


def retrieval(model, folder):
    documents = jsonl(folder / "corpus.jsonl")
    queries = jsonl(folder / "queries.jsonl")
    qrels = {}
    file = folder / "qrels" / "test.tsv"
    for line in (file if file.exists() else folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")[:3]
        qrels.setdefault(query, {})[document] = int(grade)
    corpus = encode(model.encode_document, [f"{row.get('title', '')} {row['text']}".strip() for row in documents])
    asked = encode(model.encode_query, [row["text"] for row in queries])
    ids = [row["_id"] for row in documents]
    runs = {}
    for row, scores in zip(queries, asked @ corpus.T):
        best = np.argsort(-scores, kind="stable")[:DEPTH]
        runs[row["_id"]] = {ids[n]: float(scores[n]) for n in best}
    wanted = {"ndcg_cut.10", "recall.10,100", "map"}
    whole = pytrec_eval.RelevanceEvaluator(qrels, wanted).evaluate(runs)
    first_ten = {query: dict(list(run.items())[:10]) for query, run in runs.items()}
    reciprocal = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(first_ten)
    means = {name: mean(values[measure] for values in whole.values()) for name, measure in MEASURES.items()}
    return means | {"mrr@10": mean(values["recip_rank"] for values in reciprocal.values())}


def encode(function, texts):
    return function(texts, normalize_embeddings=True, show_progress_bar=False).astype(np.float64)


def mean(values):
    return float(np.mean(list(values)))


def jsonl(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
