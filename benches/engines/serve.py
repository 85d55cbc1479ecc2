"""What all engines in Python share: the requests on stdin, the clock, the answers on stdout. Protocol: see serve.mjs."""

import base64
import importlib.metadata
import json
import os
import sys
import time
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="true")
if "BENCH_GPU" not in os.environ:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np


def versions(*packages):
    return {package: importlib.metadata.version(package) for package in packages}


def serve(engine):
    """`engine.load(request)` returns versions, `engine.embed(texts, settings)` one row a text, `engine.one(text)` a vector.

    Engines that do not sort by length themselves get sorted texts unless the settings say `"sorted": false`.
    """
    workloads = {}

    def load(request):
        start = time.perf_counter()
        loaded = engine.load(request)
        return {"seconds": time.perf_counter() - start, "versions": loaded}

    def workload(request):
        texts = json.loads(Path(request["texts"]).read_text())
        workloads[request["name"]] = (texts, request["order"])
        return {}

    def embed(request):
        texts, order = workloads[request["name"]]
        settings = request["settings"]
        start = time.perf_counter()
        if getattr(engine, "sorts", False) or not settings.get("sorted", True):
            vectors = np.asarray(engine.embed(texts, settings), dtype="<f4")
        else:
            rows = np.asarray(engine.embed([texts[i] for i in order], settings), dtype="<f4")
            vectors = np.empty_like(rows)
            vectors[order] = rows
        seconds = time.perf_counter() - start
        sample = vectors[request["sample"]].tobytes()
        return {"seconds": seconds, "sum": float(vectors.sum()), "sample": base64.b64encode(sample).decode()}

    def latency(request):
        text = workloads[request["name"]][0][request["text"]]
        milliseconds = []
        for _ in range(request["calls"]):
            time.sleep(request["pause"] / 1000)
            start = time.perf_counter()
            engine.one(text)
            milliseconds.append((time.perf_counter() - start) * 1000)
        return {"milliseconds": milliseconds}

    def memory(request):
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        rss, peak = (int(status[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
        return {"rss": rss, "peak": peak}

    operations = {"load": load, "workload": workload, "embed": embed, "latency": latency, "memory": memory}
    # What libraries print must not mix with the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = operations[request["op"]](request)
        except Exception as error:
            answer = {"error": repr(error)}
        print(json.dumps(answer), file=answers, flush=True)
