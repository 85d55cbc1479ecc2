"""sentence-transformers on torch's CPU backend. It sorts by length and tokenizes itself. Protocol: see serve.mjs."""

import base64
import json
import os
import sys
import time
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="")

import sentence_transformers
import torch
from sentence_transformers import SentenceTransformer

model = None
workloads = {}


def load(request):
    global model
    torch.set_num_threads(request["threads"])
    start = time.perf_counter()
    model = SentenceTransformer(request["model"], device="cpu")
    model.max_seq_length = request["limit"]
    versions = {"sentence-transformers": sentence_transformers.__version__, "torch": torch.__version__}
    return {"seconds": time.perf_counter() - start, "versions": versions}


def workload(request):
    workloads[request["name"]] = json.loads(Path(request["texts"]).read_text())
    return {}


def embed(request):
    texts = workloads[request["name"]]
    start = time.perf_counter()
    vectors = model.encode(texts, batch_size=request["settings"]["batch"], show_progress_bar=False)
    seconds = time.perf_counter() - start
    sample = vectors[request["sample"]].astype("<f4").tobytes()
    return {"seconds": seconds, "sum": float(vectors.sum()), "sample": base64.b64encode(sample).decode()}


def latency(request):
    text = workloads[request["name"]][request["text"]]
    milliseconds = []
    for _ in range(request["calls"]):
        time.sleep(request["pause"] / 1000)
        start = time.perf_counter()
        model.encode(text, show_progress_bar=False)
        milliseconds.append((time.perf_counter() - start) * 1000)
    return {"milliseconds": milliseconds}


def memory(request):
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    rss, peak = (int(status[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return {"rss": rss, "peak": peak}


for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"load": load, "workload": workload, "embed": embed, "latency": latency, "memory": memory}[
            request["op"]
        ](request)
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
