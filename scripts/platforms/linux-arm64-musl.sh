#!/usr/bin/env bash
# The addon for Linux arm64 with musl (Alpine). npm has no Node for musl: it is checked on a machine with musl, or with the
# command in CANDLE_EMBED_MUSL_RUNTIME, for example a Bun for musl behind its loader.
source "$(dirname "$0")/common.sh"

pick_toolchain aarch64-unknown-linux-musl
need_zig
# An addon is a shared library, which a static C library cannot be part of.
export RUSTFLAGS="-Ctarget-feature=-crt-static"
cargo zigbuild --profile "$profile" --locked "${std_flags[@]}" --target aarch64-unknown-linux-musl -p candle-embed-napi
built=$target_dir/aarch64-unknown-linux-musl/$profile/libcandle_embed_napi.so
check_needed "$built" libc.so
place linux-arm64-musl "$built"

if [ "$(uname -m)" = aarch64 ] && ldd --version 2>&1 | grep -q musl; then
  run=(node)
elif [ -n "${CANDLE_EMBED_MUSL_RUNTIME:-}" ]; then
  read -ra run <<<"$CANDLE_EMBED_MUSL_RUNTIME"
else
  say "not run: this machine has no musl, and CANDLE_EMBED_MUSL_RUNTIME names none"
  exit 0
fi
"${run[@]}" scripts/platforms/check-addon.mjs npm/linux-arm64-musl/candle-embed.linux-arm64-musl.node
