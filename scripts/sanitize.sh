#!/usr/bin/env bash
# The addon under AddressSanitizer and under valgrind: reads and writes where there is no memory of ours, uses after free.
#
#   bash scripts/sanitize.sh engine                   AddressSanitizer: the tests of the engine and the kernels
#   bash scripts/sanitize.sh addon                    AddressSanitizer: the TypeScript tests of the addon
#   bash scripts/sanitize.sh valgrind-engine [TEST]   valgrind: the tests of the engine and the kernels, or those of that name
#   bash scripts/sanitize.sh valgrind [FILE...]       valgrind: the TypeScript tests of the addon, or those of these files
#
# AddressSanitizer needs a nightly toolchain and gcc's libasan. Under valgrind tests take 30 to 100 times as long.
#
# The addon's need it and the TypeScript built (npm run build). Ends with code 1 where a test fails or a report names the addon.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
out=$root/.cache/sanitize
mkdir -p "$out"

# What builds or packs the addon itself, measures of memory, of which these tools take their own, and the quality of thousands of
# texts, which is hours of the same calls.
left_out=(--exclude '**/{panics,package,memory,quality}.test.ts')

fail() { printf 'failed: %s\n' "$*" >&2; exit 1; }

# Sets what a build with the sanitizer needs.
asan_build() {
  target=$(rustc -vV | sed -n 's/^host: //p')
  runtime=$(gcc -print-file-name=libasan.so)
  [ -e "$runtime" ] || fail "gcc has no libasan"
  # --target keeps the sanitizer out of build scripts and macros, which run in the compiler.
  export RUSTUP_TOOLCHAIN=nightly RUSTFLAGS=-Zsanitizer=address
  build=(--target "$target" --target-dir "${CARGO_TARGET_DIR:-target}/asan" --locked --profile release)
  # Leaks are what test/native/memory.test.ts and scripts/check-cycles.mjs are for: a Node that ends frees nothing.
  export ASAN_OPTIONS=detect_leaks=0:abort_on_error=0:halt_on_error=1
}

engine() {
  asan_build
  # That test takes memory away from a process, of which the sanitizer maps terabytes.
  cargo test "${build[@]}" -p candle-embed-kernels -p candle-embed -- --skip fewer_threads_than_wanted
}

addon() {
  asan_build
  cargo build "${build[@]}" -p candle-embed-napi
  local built="${CARGO_TARGET_DIR:-target}/asan/$target/release/libcandle_embed_napi.so" addon=$out/candle-embed.node
  [ "$(nm -D "$built" | grep -c __asan_report)" != 0 ] || fail "$built is not instrumented"
  unset RUSTUP_TOOLCHAIN RUSTFLAGS
  cp "$built" "$addon"
  CANDLE_EMBED_ADDON=$addon LD_PRELOAD=$runtime npx vitest run test/native --maxWorkers 1 --testTimeout 600000 "${left_out[@]}"
}

# Leaks: as above. Valgrind's CPU has AVX2 and no AVX-512.
memcheck=(valgrind --tool=memcheck --fair-sched=yes --num-callers=30 --error-limit=no --leak-check=no)

valgrind_engine() {
  local host
  host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
  # In a test program everything is ours.
  export "CARGO_TARGET_${host}_RUNNER=${memcheck[*]} --quiet --error-exitcode=99"
  PROPTEST_CASES=2 cargo test --release --locked -p candle-embed-kernels -p candle-embed -- "$@"
}

valgrind_addon() {
  local reports=$out/valgrind tests=0 ours
  rm -rf "$reports"
  mkdir "$reports"
  # V8 writes machine code, hence --smc-check; what it does besides is not looked at, only errors with the addon in their stack.
  printf '#!/bin/sh\nexec %s node "$@"\n' "${memcheck[*]} --smc-check=all-non-file --log-file=$reports/%p.log" >"$out/node"
  chmod +x "$out/node"
  CANDLE_EMBED_TEST_WORKER=$out/node node --import ./scripts/valgrind-workers.mjs node_modules/vitest/vitest.mjs run \
    "${@:-test/native}" --maxWorkers 1 --testTimeout 3600000 --hookTimeout 3600000 "${left_out[@]}" || tests=$?
  compgen -G "$reports/*.log" >/dev/null || fail "nothing ran under valgrind"
  ours=$(cat "$reports"/*.log | grep -c '(in .*candle-embed[^ ]*\.node)' || true)
  if [ "$ours" != 0 ]; then
    grep -h -B10 -A20 -m1 '(in .*candle-embed[^ ]*\.node)' "$reports"/*.log
    fail "valgrind names the addon, see $reports"
  fi
  echo "- no report of valgrind names the addon"
  return "$tests"
}

case "${1:-}" in
  engine) engine ;;
  addon) addon ;;
  valgrind-engine) valgrind_engine "${@:2}" ;;
  valgrind) valgrind_addon "${@:2}" ;;
  *) fail "usage: bash scripts/sanitize.sh engine | addon | valgrind-engine [TEST] | valgrind [FILE...]" ;;
esac
