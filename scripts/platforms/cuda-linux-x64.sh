#!/usr/bin/env bash
# The addon for NVIDIA GPUs on Linux x64: CUDA 13, compute capability 8.0 and newer. Needs g++ and Python; CUDA's compiler
# and headers come from PyPI. No library of NVIDIA is needed for it to load, nor to compute on the CPU: driver, cuBLAS and
# cuRAND are looked for when a model asks for a GPU.
#
# Candle links those libraries and builds kernels that no encoder uses. Here cargo is given copies of three of its crates
# (in the target folder, nothing of them is in this repository), which differ in the build scripts of scripts/platforms/cuda
# and in one feature of cudarc: dynamic loading.
#
#   cuda-linux-x64.sh           builds npm/cuda-linux-x64/candle-embed.cuda-linux-x64.node
#   cuda-linux-x64.sh clippy    checks the code of the feature `cuda`
#   cuda-linux-x64.sh test      builds the GPU tests as one program, to be carried to a machine with a GPU
source "$(dirname "$0")/common.sh"

candle=0.11.1
most_cuda_bytes=25000000

# CUDA's compiler: one folder of PyPI's packages, unpacked.
cuda=$tools/cuda-13.0
if [ ! -e "$cuda/complete" ]; then
  say "fetching CUDA 13.0's compiler, runtime and headers"
  rm -rf "$cuda"
  python3 -m pip install --quiet --no-deps --no-compile --only-binary=:all: --target "$cuda" \
    nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-cuda-runtime==13.0.96 \
    nvidia-cuda-cccl==13.0.85 nvidia-cutlass==3.5.0.0
  touch "$cuda/complete"
fi
export NVCC=$cuda/nvidia/cu13/bin/nvcc CUDA_LIB=$cuda/nvidia/cu13/lib
export CUTLASS_INCLUDE=$cuda/cutlass_library/source/include CUDARC_CUDA_VERSION=13000
say "$("$NVCC" --version | sed -n 's/.*release/nvcc/p'), $(g++ --version | head -1)"

# The engine's own kernel lies in the repository as the driver takes it, so that no other build needs nvcc for it.
mkdir -p "$target_dir/cuda"
own=crates/candle-embed/src/executor/bias
"$NVCC" --ptx -O3 -std=c++17 -ccbin g++ -arch=compute_80 -o "$target_dir/cuda/bias.ptx" $own.cu
cmp "$target_dir/cuda/bias.ptx" $own.ptx || fail "$own.ptx is not made of $own.cu: copy $target_dir/cuda/bias.ptx there"

# The copies, and a workspace that takes them: its own Cargo.lock names them by their paths.
stage=$target_dir/cuda
rm -rf "$stage/workspace"
mkdir -p "$stage/workspace" "$stage/crates"
cargo fetch --locked
registry=$(dirname "$(cargo metadata --locked --format-version 1 --filter-platform x86_64-unknown-linux-gnu \
  --features candle-embed/flash-attn | grep -o '"manifest_path":"[^"]*candle-core-[^"]*"' | head -1 | cut -d'"' -f4)")/..
patches=()
for crate in candle-core candle-kernels candle-flash-attn; do
  copy=$stage/crates/$crate
  # Left as it is where nothing changed, so that cargo builds nothing again.
  new=$stage/crates/new
  rm -rf "$new"
  cp -r "$registry/$crate-$candle" "$new"
  rm -f "$new/Cargo.lock" "$new/.cargo-ok" "$new/.cargo_vcs_info.json"
  if [ $crate = candle-core ]; then
    sed -i 's/"dynamic-linking"/"fallback-dynamic-loading"/' "$new/Cargo.toml"
    grep -q fallback-dynamic-loading "$new/Cargo.toml" || fail "candle-core $candle names cudarc's features in another way"
  else
    cp "scripts/platforms/cuda/$crate.rs" "$new/build.rs"
    cp scripts/platforms/cuda/nvcc.rs "$new/nvcc.rs"
    sed -i '/^\[build-dependencies/,/^$/d' "$new/Cargo.toml"
  fi
  if [ $crate = candle-flash-attn ]; then cp scripts/platforms/cuda/error.h "$new/kernels/error.h"; fi
  if ! diff -rq "$new" "$copy" >/dev/null 2>&1; then
    rm -rf "$copy"
    mv "$new" "$copy"
  fi
  patches+=(--config "patch.crates-io.$crate.path='$copy'")
done
rm -rf "$stage/crates/new"
cp Cargo.toml Cargo.lock rustfmt.toml "$stage/workspace/"
cp -rp crates "$stage/workspace/"
ln -s "$root/test" "$root/models" "$stage/workspace/"
cd "$stage/workspace"
# The target folder of everything else: what does not differ is built once.
export CARGO_TARGET_DIR=$target_dir

case ${1:-build} in
  clippy)
    cargo clippy --profile "$profile" "${patches[@]}" -p candle-embed -p candle-embed-napi --all-targets \
      --features candle-embed/flash-attn,candle-embed-napi/flash-attn -- -D warnings
    ;;
  test)
    cargo test --profile "$profile" "${patches[@]}" -p candle-embed --features flash-attn --test integration --no-run
    say "$(find "$CARGO_TARGET_DIR/$profile/deps" -name 'integration-*' -executable -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2-)"
    ;;
  build)
    cargo build --profile "$profile" "${patches[@]}" -p candle-embed-napi --features flash-attn
    built=$CARGO_TARGET_DIR/$profile/libcandle_embed_napi.so
    check_glibc "$built" 2.34
    check_needed "$built" libc.so.6 libm.so.6 libgcc_s.so.1 ld-linux-x86-64.so.2
    if nm -D --undefined-only "$built" | grep -E 'moe_|launch_m|^ *U cu'; then fail "$built lacks kernels"; fi
    cd "$root"
    most_native_bytes=$most_cuda_bytes place cuda-linux-x64 "$built"
    node scripts/platforms/check-addon.mjs npm/cuda-linux-x64/candle-embed.cuda-linux-x64.node
    ;;
  *) fail "unknown: $1; give nothing, clippy or test" ;;
esac
