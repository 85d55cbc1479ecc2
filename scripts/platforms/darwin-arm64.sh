#!/usr/bin/env bash
# The addon for macOS arm64, as far as it goes without macOS: with Metal its types are checked, without it is linked against
# zig's stub of the system library, which has no frameworks. What is published is built on macOS, with Metal. Never run here.
source "$(dirname "$0")/common.sh"

target=aarch64-apple-darwin
pick_toolchain $target
need_zig
# The loader of Node has the symbols that an addon lacks.
export CARGO_TARGET_AARCH64_APPLE_DARWIN_RUSTFLAGS='-Clink-arg=-undefined -Clink-arg=dynamic_lookup -Cstrip=none'
export MACOSX_DEPLOYMENT_TARGET=11.0
cargo check --profile "$profile" --locked "${std_flags[@]}" --target $target -p candle-embed -p candle-embed-napi --all-targets \
  --features candle-embed/metal,candle-embed-napi/metal
say "the feature metal passes cargo check, tests included"
cargo zigbuild --profile "$profile" --locked "${std_flags[@]}" --target $target -p candle-embed-napi
built=$target_dir/$target/$profile/libcandle_embed_napi.dylib
file "$built" | grep -q 'Mach-O 64-bit arm64' || fail "$built is no Mach-O file for arm64"
say "$built: $(stat -c %s "$built") bytes, not stripped; linked, never run"
