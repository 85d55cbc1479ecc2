#!/usr/bin/env bash
# Puts the files of a release's build jobs where the packages expect them.
#
#   bash scripts/release/collect.sh FOLDER     FOLDER has a folder built-PACKAGE of each package in npm/
set -euo pipefail
built=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."

for folder in npm/*/; do
  package=$(basename "$folder")
  if [ "$package" = wasm ]; then
    # An artifact begins at the folder that its files have in common, which depends on how many there are.
    entry=$(find "$built/built-wasm" -path '*/wasm/node.js')
    mkdir -p npm/wasm/dist
    cp -r "$(dirname "$(dirname "$entry")")/." npm/wasm/dist/
  else
    install -m 644 "$(find "$built/built-$package" -name "candle-embed.$package.node")" "npm/$package/"
  fi
done
ls -l npm/*/*.node npm/wasm/dist/wasm/engine/*.wasm
