#!/usr/bin/env bash
# One archive with all that a machine with an NVIDIA GPU needs to test and measure candle-embed there, where there may be no
# registry, no compiler and no Node: the addons, the built TypeScript, a Node, the tests with their fixtures, the benchmark.
#
#   npm run build && bash scripts/platforms/cuda-linux-x64.sh
#   bash scripts/gpu/carry.sh [--texts FOLDER] [--weights] [FILE]
#
# FILE: default candle-embed-gpu.tar.gz, some 70 MB; as .tar.xz it is smaller and takes minutes. --texts: short.txt, mixed.txt and
# long.txt, for the benchmark. --weights: the exact float32 weights of all-MiniLM-L6-v2, 90 MB that the benchmark otherwise
# replaces by random ones of the same shape. The machine needs NVIDIA's driver; CUDA's libraries may
# come from Python packages (nvidia-cublas, nvidia-curand), the benchmark wants a python3 with torch and sentence-transformers.
set -euo pipefail
cd "$(dirname "$0")/../.."

texts='' weights='' archive=candle-embed-gpu.tar.gz
while [ $# -gt 0 ]; do
  case $1 in
    --texts) texts=$2; shift 2 ;;
    --weights) weights=yes; shift ;;
    *) archive=$1; shift ;;
  esac
done
fail() { printf '%s\n' "$*" >&2; exit 1; }

cuda=npm/cuda-linux-x64/candle-embed.cuda-linux-x64.node
base=candle-embed.linux-x64-gnu.node
[ -e "$cuda" ] || fail "$cuda is missing: bash scripts/platforms/cuda-linux-x64.sh"
[ -e "$base" ] && [ -e dist/index.js ] || fail "there is no build here: npm run build"

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
to=$stage/candle-embed
mkdir -p "$to/node_modules/@candle-embed" "$to/scripts" "$to/test" "$to/bin"
cp package.json index.js "$base" "$to/"
cp -r dist benches "$to/"
rm -rf "$to/benches/node_modules" "$to/benches/record" "$to/benches/engines/rust"
cp scripts/exit-ways.mjs scripts/get-test-weights.mjs scripts/python.mjs scripts/run-program.mjs "$to/scripts/"
cp -r test/gpu test/fixtures "$to/test/"
cp -r npm/cuda-linux-x64 "$to/node_modules/@candle-embed/cuda-linux-x64"
mkdir "$to/models"
cp -r models/all-MiniLM-L6-v2 "$to/models/"
ln -s ../../models/all-MiniLM-L6-v2 "$to/node_modules/@candle-embed/all-minilm-l6-v2"
# The Node that is running: its one file is all of it.
cp "$(node -p process.execPath)" "$to/bin/node"
[ -z "$texts" ] || { mkdir "$to/texts"; cp "$texts"/{short,mixed,long}.txt "$to/texts/"; }
if [ -n "$weights" ]; then
  mkdir -p "$to/.cache/test-weights"
  cp -r "$(node scripts/get-test-weights.mjs)" "$to/.cache/test-weights/"
fi
cp scripts/gpu/run.sh "$to/run.sh"
tar -C "$stage" -caf "$archive" candle-embed
printf -- '- %s: %s bytes. There, one command, or its parts (test, bench):\n\n    tar xf %s && bash candle-embed/run.sh\n' \
  "$archive" "$(stat -c %s "$archive")" "$(basename "$archive")"
