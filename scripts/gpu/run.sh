#!/usr/bin/env bash
# Tests and measures candle-embed on the GPU of this machine: what scripts/gpu/carry.sh packs, run where it was unpacked, a folder of its
# own or a checkout. Needs no network, no compiler, no package but those of Python for the benchmark.
#
#   bash run.sh [--device cuda|cuda:N|cpu] [--out FOLDER] [--quick] [test|bench [minilm|base-shape]] [-- OPTIONS OF THE TESTS]
#
# Without a word: the tests and both benchmarks. --device cpu: the same without a GPU, to see that all is there. Results are printed,
# those of benchmarks also written to FOLDER (results). --quick: benchmarks of a minute, no figures to quote. Options of the tests:
# --only parity,batches,models,memory,exits,faults and --batches 10000.
# BENCH_PYTHON: a Python with torch and sentence-transformers, where python3 is not one.
set -uo pipefail
self=$(realpath "$0")
cd "$(dirname "$self")" || exit
# In a checkout this is scripts/gpu.
[ -e dist/index.js ] || cd ../.. || exit

device=cuda out=results quick='' what='' models='' options=()
while [ $# -gt 0 ]; do
  case $1 in
    --device) device=${2-}; shift 2 || exit 2 ;;
    --out) out=${2-}; shift 2 || exit 2 ;;
    --quick) quick=--quick; shift ;;
    test | bench) what=$1; shift ;;
    minilm | base-shape) models=$1; shift ;;
    --) shift; options=("$@"); break ;;
    *) sed -n '2,/^set /s/^# \{0,1\}//p' "$self" >&2; exit 2 ;;
  esac
done

export PATH="$PWD/bin:$PATH" BENCH_PYTHON="${BENCH_PYTHON:-$(command -v python3)}"
# Nothing is to be asked of a network that is not there.
export HF_HUB_OFFLINE=1 PIP_NO_INDEX=1
# Machine code that the driver makes of the kernels: seconds in every process, where it can't be kept at home.
export CUDA_CACHE_PATH="${CUDA_CACHE_PATH:-$PWD/.cache/cuda}"

if ! node --version >/dev/null; then
  echo 'no Node runs here. The one in bin/ needs x86-64 and glibc 2.28: put another, 20.19 or newer, on the PATH in its place' >&2
  exit 2
fi

# Folders of CUDA's libraries: of Python packages (nvidia/cu13/lib beside torch, nvidia/*/lib of older ones), else of a toolkit.
cuda_libraries() {
  local found=''
  if [ -n "$BENCH_PYTHON" ]; then
    found=$("$BENCH_PYTHON" - <<'PYTHON'
import glob, site, sys, sysconfig
folders = {sysconfig.get_path("purelib"), site.getusersitepackages(), *site.getsitepackages(), *filter(None, sys.path)}
print(":".join(sorted(path for folder in folders for path in glob.glob(f"{folder}/nvidia/*/lib"))))
PYTHON
    )
  fi
  if [ -z "$found" ]; then
    # Only then: they may be of another version than those that torch comes with.
    local folder
    for folder in /usr/local/cuda/lib64 /usr/local/cuda-13*/lib64; do
      [ ! -e "$folder/libcublas.so.13" ] || { found=$folder; break; }
    done
  fi
  echo "$found"
}

if [ "$device" != cpu ]; then
  libraries=$(cuda_libraries)
  echo "CUDA's libraries: ${libraries:-none beside ${BENCH_PYTHON:-a python3} nor in /usr/local/cuda; elsewhere: LD_LIBRARY_PATH}"
  export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  # Where a container gets the driver mounted without the loader being told.
  for folder in /usr/local/nvidia/lib64 /usr/lib/wsl/lib; do
    [ ! -e "$folder/libcuda.so.1" ] || LD_LIBRARY_PATH+=":$folder"
  done
fi

code=0
node dist/cli/main.js doctor || true
if [ "$what" != bench ]; then
  node test/gpu/run.mjs --device "$device" "${options[@]}" || code=$?
fi
[ "$what" != test ] || exit "$code"

if [ ! -d texts ]; then
  echo 'no benchmark: no texts were brought along (carry.sh --texts FOLDER)' >&2
elif [ -z "$BENCH_PYTHON" ]; then
  echo 'no benchmark: there is no python3; BENCH_PYTHON names a Python with torch and sentence-transformers' >&2
elif ! why=$("$BENCH_PYTHON" -c 'import torch, sentence_transformers' 2>&1); then
  echo "no benchmark: $BENCH_PYTHON says $(tail -n 1 <<<"$why"); BENCH_PYTHON names a Python with torch and sentence-transformers" >&2
else
  for model in ${models:-minilm base-shape}; do
    node benches/run.mjs gpu --device "$device" --model "$model" --data texts --out "$out" $quick || code=1
  done
  exit "$code"
fi
# Somebody asked for it.
[ "$what" != bench ] || code=1
exit "$code"
