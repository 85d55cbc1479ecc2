#!/usr/bin/env bash
# The addon under AddressSanitizer and under valgrind: reads and writes where there is no memory of ours, uses after free.
#
#   bash scripts/sanitize.sh asan       the engine's and the kernels' tests, then the TypeScript tests of the addon; needs a
#                                       nightly toolchain and gcc's libasan
#   bash scripts/sanitize.sh valgrind   scripts/platforms/check-addon.mjs; needs valgrind
#
# Needs the addon and the TypeScript built (npm run build). Ends with code 1 where a report names the addon.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
out=$root/.cache/sanitize
mkdir -p "$out"

fail() { printf 'failed: %s\n' "$*" >&2; exit 1; }

asan() {
  local target runtime addon
  target=$(rustc -vV | sed -n 's/^host: //p')
  runtime=$(gcc -print-file-name=libasan.so)
  [ -e "$runtime" ] || fail "gcc has no libasan"
  # --target keeps the sanitizer out of build scripts and macros, which run in the compiler.
  export RUSTUP_TOOLCHAIN=nightly RUSTFLAGS=-Zsanitizer=address
  local build=(--target "$target" --target-dir "${CARGO_TARGET_DIR:-target}/asan" --locked --profile release)
  # Leaks are what test/native/memory.test.ts and scripts/check-cycles.mjs are for: a Node that ends frees nothing.
  export ASAN_OPTIONS=detect_leaks=0:abort_on_error=0:halt_on_error=1

  echo "== engine and kernels under AddressSanitizer"
  cargo test "${build[@]}" -p candle-embed-kernels -p candle-embed

  echo "== addon under AddressSanitizer"
  cargo build "${build[@]}" -p candle-embed-napi
  addon=$out/candle-embed.asan.node
  cp "${CARGO_TARGET_DIR:-target}/asan/$target/release/libcandle_embed_napi.so" "$addon"
  nm -D "$addon" | grep -q __asan_report || fail "$addon is not instrumented"
  unset RUSTUP_TOOLCHAIN RUSTFLAGS
  # Left out: what builds or packs the addon itself, and measures of memory, of which a sanitizer takes its own.
  LD_PRELOAD=$runtime NAPI_RS_NATIVE_LIBRARY_PATH=$addon npx vitest run test/native --maxWorkers 1 \
    --testTimeout 600000 --exclude '**/{panics,package,memory}.test.ts'
}

valgrind_() {
  local log=$out/valgrind.log ours addon
  addon=$(ls candle-embed.*.node | head -1)
  # V8 writes machine code; what it does besides is not looked at, only errors with the addon in their stack.
  valgrind --tool=memcheck --smc-check=all-non-file --undef-value-errors=yes --num-callers=40 --log-file="$log" \
    node --single-threaded scripts/platforms/check-addon.mjs "$addon"
  ours=$(awk -v RS= '/candle-embed[^ ]*\.node/' "$log" | grep -c . || true)
  tail -1 "$log"
  [ "$ours" = 0 ] || { awk -v RS= '/candle-embed[^ ]*\.node/' "$log" | head -60; fail "valgrind names the addon, see $log"; }
  echo "- no report of valgrind names the addon"
}

case "${1:-}" in
  asan) asan ;;
  valgrind) valgrind_ ;;
  *) fail "usage: bash scripts/sanitize.sh asan | valgrind" ;;
esac
