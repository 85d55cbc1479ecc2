#!/usr/bin/env python3
"""Writes test/fixtures/metrics.json: what pytrec_eval and scipy say of random runs and lists.

    python -m pip install pytrec-eval-terrier==0.5.11 scipy==1.17.1
    python scripts/make-metrics.py

With `--answer`, reads such questions (the file without its answers) from standard input and writes the answers to standard
output: the test asks anew where the packages are installed.
"""

import json
import random
import sys
from pathlib import Path

import pytrec_eval
from scipy.stats import pearsonr, spearmanr

FIXTURE = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "metrics.json"

MEASURES = {
    "ndcg@1": "ndcg_cut_1",
    "ndcg@10": "ndcg_cut_10",
    "ndcg@100": "ndcg_cut_100",
    "recall@1": "recall_1",
    "recall@10": "recall_10",
    "recall@100": "recall_100",
    "map": "map",
    "map@10": "map_cut_10",
}
WANTED = {"ndcg_cut.1,10,100", "recall.1,10,100", "map", "map_cut.10", "recip_rank"}


def main():
    if "--answer" in sys.argv:
        json.dump(answer(json.load(sys.stdin)), sys.stdout)
        return
    questions = ask(random.Random(7))
    FIXTURE.write_text(json.dumps({**questions, **answer(questions)}) + "\n", encoding="utf-8")


def ask(chance):
    """Runs with ties, doubles that are equal as floats, ids that sort by bytes, grades of every kind and judgements missing."""
    names = ["d{}".format(n) for n in range(100)] + ["é{}".format(n) for n in range(5)] + ["𝔡1", "\uffeed", "D7"]
    runs, qrels = {}, {}
    for number in range(40):
        query = f"q{number}"
        found = chance.sample(names, chance.randint(1, len(names)))
        steps = chance.choice([3, 10, 1000, 10**9])
        runs[query] = {name: chance.randrange(steps) / steps + chance.choice([0, 0, 1e-12]) for name in found}
        judged = chance.sample(names, chance.randint(1, 40))
        grades = chance.choice([[0, 1], [0, 1, 2, 3], [-1, 0, 1, 4], [0]])
        qrels[query] = {name: chance.choice(grades) for name in judged}
    lists = []
    for _ in range(20):
        length = chance.randint(2, 60)
        steps = chance.choice([2, 5, 10**9])
        lists.append([[chance.randrange(steps) / steps for _ in range(length)] for _ in range(2)])
        for values in lists[-1]:
            if len(set(values)) == 1:
                values[0] += 1.0
    return {"qrels": qrels, "runs": runs, "lists": lists}


def answer(questions):
    evaluator = pytrec_eval.RelevanceEvaluator(questions["qrels"], WANTED)
    whole = evaluator.evaluate(questions["runs"])
    retrieval = {
        query: {name: values[measure] for name, measure in MEASURES.items()} | {"mrr@1000": values["recip_rank"]}
        for query, values in whole.items()
    }
    correlations = [
        {"spearman": float(spearmanr(*pair).statistic), "pearson": float(pearsonr(*pair).statistic)}
        for pair in questions["lists"]
    ]
    return {"retrieval": retrieval, "correlations": correlations}


if __name__ == "__main__":
    main()
