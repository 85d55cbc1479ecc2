#!/usr/bin/env bash
# The addon for Linux x64, for glibc 2.17 and newer (CentOS 7, Amazon Linux 2).
source "$(dirname "$0")/common.sh"

pick_toolchain x86_64-unknown-linux-gnu
need_zig
cargo zigbuild --profile "$profile" --locked "${std_flags[@]}" --target x86_64-unknown-linux-gnu.2.17 -p candle-embed-napi
built=$target_dir/x86_64-unknown-linux-gnu/$profile/libcandle_embed_napi.so
check_glibc "$built" 2.17
check_needed "$built" libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 ld-linux-x86-64.so.2
place linux-x64-gnu "$built"
node scripts/platforms/check-addon.mjs "npm/linux-x64-gnu/candle-embed.linux-x64-gnu.node"
