#!/usr/bin/env bash
# The addon under AddressSanitizer and under valgrind: reads and writes where there is no memory of ours, uses after free.
#
#   bash scripts/sanitize.sh engine     AddressSanitizer: the tests of the engine and the kernels
#   bash scripts/sanitize.sh addon      AddressSanitizer: the TypeScript tests of the addon
#   bash scripts/sanitize.sh valgrind   scripts/platforms/check-addon.mjs; takes long
#
# The first two need a nightly toolchain and gcc's libasan.
#
# Needs the addon and the TypeScript built (npm run build). Ends with code 1 where a report names the addon.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
out=$root/.cache/sanitize
mkdir -p "$out"

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
  cargo test "${build[@]}" -p candle-embed-kernels -p candle-embed
}

addon() {
  asan_build
  cargo build "${build[@]}" -p candle-embed-napi
  local built="${CARGO_TARGET_DIR:-target}/asan/$target/release/libcandle_embed_napi.so" addon
  [ "$(nm -D "$built" | grep -c __asan_report)" != 0 ] || fail "$built is not instrumented"
  unset RUSTUP_TOOLCHAIN RUSTFLAGS
  # In the place of the addon, until this ends: napi's variable for another file would reach vitest's own addon too.
  addon=$(ls candle-embed.*.node | head -1)
  mv "$addon" "$out/$addon"
  # shellcheck disable=SC2064 -- the names of now
  trap "mv -f '$out/$addon' '$root/$addon'" EXIT
  cp "$built" "$addon"
  # Left out: what builds or packs the addon itself, and measures of memory, of which a sanitizer takes its own.
  LD_PRELOAD=$runtime npx vitest run test/native --maxWorkers 1 --testTimeout 600000 \
    --exclude '**/{panics,package,memory}.test.ts'
}

valgrind_() {
  local log=$out/valgrind.log ours addon
  addon=$(ls candle-embed.*.node | head -1)
  # V8 writes machine code; what it does besides is not looked at, only errors with the addon in their stack.
  valgrind --tool=memcheck --smc-check=all-non-file --undef-value-errors=yes --num-callers=40 --log-file="$log" \
    node --single-threaded scripts/platforms/check-addon.mjs "$addon"
  tail -1 "$log"
  ours=$(grep -c '(in .*candle-embed[^ ]*\.node)' "$log" || true)
  if [ "$ours" != 0 ]; then
    grep -B10 -A20 -m1 '(in .*candle-embed[^ ]*\.node)' "$log"
    fail "valgrind names the addon, see $log"
  fi
  echo "- no report of valgrind names the addon"
}

case "${1:-}" in
  engine) engine ;;
  addon) addon ;;
  valgrind) valgrind_ ;;
  *) fail "usage: bash scripts/sanitize.sh engine | addon | valgrind" ;;
esac
