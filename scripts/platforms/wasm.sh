#!/usr/bin/env bash
# @candle-embed/wasm: the module, its JavaScript and the TypeScript around it, into npm/wasm/dist.
source "$(dirname "$0")/common.sh"

most_bytes=6000000

pick_toolchain wasm32-unknown-unknown std,panic_abort
# Debian's toolchain has no linker for it.
CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(rust_tools)/rust-lld
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER
export RUSTFLAGS='-Ctarget-feature=+simd128 --cfg getrandom_backend="wasm_js"'
cargo build --profile "$profile" --locked "${std_flags[@]}" --target wasm32-unknown-unknown -p candle-embed-wasm
unset RUSTFLAGS RUSTC_BOOTSTRAP

# A program of this machine.
env -u RUSTUP_TOOLCHAIN cargo build --release --locked --manifest-path scripts/platforms/bindgen/Cargo.toml --target-dir "$tools/bindgen"

rm -rf npm/wasm/dist
generated=npm/wasm/dist/wasm/engine
mkdir -p "$generated"
"$tools/bindgen/release/bindgen" "$target_dir/wasm32-unknown-unknown/$profile/candle_embed_wasm.wasm" "$generated"
# The types are committed, as binding.d.ts is: a changed boundary shows in review, and the compiler needs no build.
cp "$generated/candle_embed_wasm.d.ts" src/wasm/engine/candle_embed_wasm.d.ts
rm "$generated/candle_embed_wasm_bg.wasm.d.ts"
npx tsc -p src/wasm/tsconfig.json
cp LICENSE npm/wasm/LICENSE

bytes=$(find npm/wasm -type f -not -path '*/node_modules/*' -printf '%s\n' | paste -sd+ | bc)
[ "$bytes" -le "$most_bytes" ] || fail "npm/wasm has $bytes bytes, more than $most_bytes"
module=$generated/candle_embed_wasm_bg.wasm
say "npm/wasm: $bytes bytes (at most $most_bytes); the module: $(stat -c %s "$module"), $(gzip -9c "$module" | wc -c) compressed"
