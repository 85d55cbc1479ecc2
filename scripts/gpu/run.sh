#!/usr/bin/env bash
# Tests and measures candle-embed on the GPU of this machine: what scripts/gpu/carry.sh packs, run where it was unpacked.
#
#   bash run.sh [test|bench]      without a word: both. Results are printed, those of the benchmark also written to results/
set -uo pipefail
cd "$(dirname "$0")"
export PATH="$PWD/bin:$PATH" BENCH_PYTHON="${BENCH_PYTHON:-$(command -v python3)}"
# Nothing is to be asked of a network that is not there.
export HF_HUB_OFFLINE=1 PIP_NO_INDEX=1

# CUDA's libraries, where Python packages brought them: nvidia/cu13/lib beside torch, or nvidia/*/lib of older ones.
if [ -n "$BENCH_PYTHON" ]; then
  libraries=$("$BENCH_PYTHON" - <<'PYTHON'
import glob, site, sysconfig
folders = {sysconfig.get_path("purelib"), *site.getsitepackages()}
print(":".join(sorted(path for folder in folders for path in glob.glob(f"{folder}/nvidia/*/lib"))))
PYTHON
  )
  export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi

what=${1:-all} code=0
node dist/cli/main.js doctor || true
if [ "$what" != bench ]; then
  node test/gpu/run.mjs --device cuda || code=1
fi
if [ "$what" != test ]; then
  [ -d texts ] || { echo 'no texts were brought along: no benchmark'; exit "$code"; }
  for model in minilm base-shape; do
    node benches/run.mjs gpu --device cuda --model "$model" --data texts --out results || code=1
  done
fi
exit "$code"
