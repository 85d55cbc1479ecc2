#!/usr/bin/env bash
# Windows with MSVC, x64 and arm64: type-checked only, since the linker and the SDK are Microsoft's.
source "$(dirname "$0")/common.sh"

for target in x86_64-pc-windows-msvc aarch64-pc-windows-msvc; do
  pick_toolchain $target
  cargo check --locked "${std_flags[@]}" --target $target -p candle-embed-napi
  say "$target: type-checked, not linked"
done
