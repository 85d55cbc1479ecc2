#!/usr/bin/env bash
# One archive with all that a machine with an NVIDIA GPU needs to test and measure candle-embed there, where there may be no
# registry, no compiler and no Node: the addons, the built TypeScript, a Node, the tests with their fixtures, the benchmark.
#
#   npm run build && bash scripts/platforms/cuda-linux-x64.sh
#   bash scripts/gpu/carry.sh [--texts FOLDER] [--weights] [--checkout] [FILE]
#
# FILE: default candle-embed-gpu.tar.gz, some 70 MB; as .tar.xz it is smaller and takes minutes. --texts: short.txt, mixed.txt and
# long.txt, for the benchmark. --weights: the exact float32 weights of all-MiniLM-L6-v2, 90 MB that the benchmark otherwise
# replaces by random ones of the same shape. --checkout: only what a checkout of this commit lacks, to be unpacked in it. The machine
# needs NVIDIA's driver; CUDA's libraries may come from Python packages (nvidia-cublas, nvidia-curand), the benchmark wants a python3 with
# torch and sentence-transformers.
set -euo pipefail
cd "$(dirname "$0")/../.."

texts='' weights='' checkout='' archive=candle-embed-gpu.tar.gz
while [ $# -gt 0 ]; do
  case $1 in
    --texts) texts=$2; shift 2 ;;
    --weights) weights=yes; shift ;;
    --checkout) checkout=yes; shift ;;
    *) archive=$1; shift ;;
  esac
done
fail() { printf '%s\n' "$*" >&2; exit 1; }

cuda=npm/cuda-linux-x64/candle-embed.cuda-linux-x64.node
base=candle-embed.linux-x64-gnu.node
[ -e "$cuda" ] || fail "$cuda is missing: bash scripts/platforms/cuda-linux-x64.sh"
if [ ! -e "$base" ] || [ ! -e dist/index.js ]; then fail "there is no build here: npm run build"; fi

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
to=$stage/candle-embed
mkdir -p "$to/node_modules/@candle-embed" "$to/bin"
cp -r dist "$base" "$to/"
cp -r npm/cuda-linux-x64 "$to/node_modules/@candle-embed/cuda-linux-x64"
ln -s ../../models/all-MiniLM-L6-v2 "$to/node_modules/@candle-embed/all-minilm-l6-v2"
# The Node that is running: its one file is all of it.
cp "$(node -p process.execPath)" "$to/bin/node"
if [ -z "$checkout" ]; then
  mkdir "$to/scripts" "$to/test" "$to/models"
  cp package.json "$to/"
  cp -r benches "$to/"
  rm -rf "$to/benches/node_modules" "$to/benches/record" "$to/benches/engines/rust"
  cp scripts/exit-ways.mjs scripts/get-test-weights.mjs scripts/python.mjs scripts/run-program.mjs "$to/scripts/"
  cp -r test/gpu test/fixtures "$to/test/"
  cp -r models/all-MiniLM-L6-v2 "$to/models/"
  cp scripts/gpu/run.sh "$to/run.sh"
fi
[ -z "$texts" ] || { mkdir "$to/texts"; cp "$texts"/{short,mixed,long}.txt "$to/texts/"; }
if [ -n "$weights" ]; then
  mkdir -p "$to/.cache/test-weights"
  cp -r "$(node scripts/get-test-weights.mjs)" "$to/.cache/test-weights/"
fi
if [ -n "$checkout" ]; then
  tar -C "$to" -caf "$archive" .
  there="tar xf $(basename "$archive") -C CHECKOUT && bash CHECKOUT/scripts/gpu/run.sh"
else
  tar -C "$stage" -caf "$archive" candle-embed
  there="tar xf $(basename "$archive") && bash candle-embed/run.sh"
fi
printf -- '- %s: %s bytes. There, one command, or its parts (test, bench):\n\n    %s\n' "$archive" "$(stat -c %s "$archive")" "$there"
