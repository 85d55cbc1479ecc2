# shellcheck shell=bash
# What the scripts of this folder share; sourced, not run.
#
# CANDLE_EMBED_PROFILE  cargo profile, default "dist" (what is published); "release" builds in half the time
# CARGO_TARGET_DIR      where cargo builds, default target/
# Tools that are not there are fetched into .cache/platforms, where every script finds them again.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
profile=${CANDLE_EMBED_PROFILE:-dist}
target_dir=${CARGO_TARGET_DIR:-$root/target}
tools=$root/.cache/platforms
most_native_bytes=10000000

say() { printf -- '- %s\n' "$*"; }
fail() { printf 'failed: %s\n' "$*" >&2; exit 1; }

# Sets RUSTUP_TOOLCHAIN and std_flags for a target: the first toolchain with its std, else one with std's sources, from
# which std is built as well (three more minutes). $2: std's crates then.
pick_toolchain() {
  local target=$1 crates=${2:-std,panic_abort,panic_unwind} chain sysroot
  local chains=${RUSTUP_TOOLCHAIN:-$(rustup toolchain list | cut -d' ' -f1)}
  for chain in $chains; do
    sysroot=$(RUSTUP_TOOLCHAIN=$chain rustc --print sysroot)
    if compgen -G "$sysroot/lib/rustlib/$target/lib/libstd-*.rlib" >/dev/null; then
      export RUSTUP_TOOLCHAIN=$chain
      std_flags=()
      say "std for $target of $chain"
      return
    fi
  done
  for chain in $chains; do
    sysroot=$(RUSTUP_TOOLCHAIN=$chain rustc --print sysroot)
    if [ -e "$sysroot/lib/rustlib/src/rust/library/Cargo.lock" ]; then
      export RUSTUP_TOOLCHAIN=$chain RUSTC_BOOTSTRAP=1
      std_flags=("-Zbuild-std=$crates")
      say "std for $target from the sources of $chain"
      return
    fi
  done
  fail "no toolchain has std for $target: rustup target add $target, or with Debian's Rust scripts/platforms/get-debian-rust.sh $target"
}

# Puts zig and cargo-zigbuild on the PATH.
need_zig() {
  if ! command -v cargo-zigbuild >/dev/null; then
    if [ ! -x "$tools/zig/bin/cargo-zigbuild" ]; then
      python3 -m venv "$tools/zig"
      "$tools/zig/bin/pip" install -q ziglang==0.17.0 cargo-zigbuild==0.24.0
    fi
    export PATH="$tools/zig/bin:$PATH"
  fi
  say "$(cargo-zigbuild --version)"
}

# The folder with rust-lld and rust-objcopy, of whichever toolchain has them.
rust_tools() {
  local chain found
  for chain in $(rustup toolchain list | cut -d' ' -f1); do
    found=$(RUSTUP_TOOLCHAIN=$chain rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
    [ -x "$found/rust-lld" ] && { echo "$found"; return; }
  done
  fail "no toolchain has rust-lld"
}

# Copies an addon into its package and checks its size.
place() {
  local name=$1 file=$2 bytes
  bytes=$(stat -c %s "$file")
  [ "$bytes" -le "$most_native_bytes" ] || fail "$file has $bytes bytes, more than $most_native_bytes"
  install -m 644 "$file" "npm/$name/candle-embed.$name.node"
  say "npm/$name/candle-embed.$name.node: $bytes bytes (at most $most_native_bytes), $(gzip -9c "$file" | wc -c) compressed"
}

# Checks that an addon needs no symbol of a glibc newer than $2.
check_glibc() {
  local newest
  newest=$(objdump -T "$1" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1)
  [ "$(printf '%s\nGLIBC_%s\n' "$newest" "$2" | sort -V | tail -1)" = "GLIBC_$2" ] || fail "$1 needs $newest"
  say "newest symbol $newest (at most GLIBC_$2)"
}

# Checks that an addon needs no library but those named.
check_needed() {
  local file=$1 needed library
  shift
  needed=$(objdump -p "$file" | sed -n 's/^ *NEEDED *//p' | paste -sd' ')
  for library in $needed; do
    case " $* " in *" $library "*) ;; *) fail "$file needs $library" ;; esac
  done
  say "needs $needed"
}

# Builds the addon of npm/$1 for a CPU (as Rust names it) with zig's linker, which has every C library, and puts it there.
# Needs glibc 2.17 or newer (CentOS 7, Amazon Linux 2).
build_for_glibc() {
  local name=$1 cpu=$2 built=$target_dir/$2-unknown-linux-gnu/$profile/libcandle_embed_napi.so
  pick_toolchain "$cpu-unknown-linux-gnu"
  need_zig
  cargo zigbuild --profile "$profile" --locked "${std_flags[@]}" --target "$cpu-unknown-linux-gnu.2.17" -p candle-embed-napi
  check_glibc "$built" 2.17
  check_needed "$built" libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 "ld-linux-${cpu/_/-}.so.2" "ld-linux-$cpu.so.1"
  place "$name" "$built"
}

# The same for musl (Alpine).
build_for_musl() {
  local name=$1 cpu=$2 built=$target_dir/$2-unknown-linux-musl/$profile/libcandle_embed_napi.so
  pick_toolchain "$cpu-unknown-linux-musl"
  need_zig
  # An addon is a shared library, which a static C library cannot be part of.
  RUSTFLAGS=-Ctarget-feature=-crt-static \
    cargo zigbuild --profile "$profile" --locked "${std_flags[@]}" --target "$cpu-unknown-linux-musl" -p candle-embed-napi
  check_needed "$built" libc.so
  place "$name" "$built"
}

# Loads the addon of npm/$1 in the program that the rest of the arguments name, and checks its vectors.
check_in() {
  local name=$1
  shift
  "$@" scripts/platforms/check-addon.mjs "npm/$name/candle-embed.$name.node"
}

# The same for musl. npm has no Node for it: on a machine with another C library, CANDLE_EMBED_MUSL_RUNTIME is the command, for
# example a Bun for musl behind its loader.
check_in_musl() {
  local name=$1 cpu=$2 runtime
  if [ "$(uname -m)" = "$cpu" ] && ldd --version 2>&1 | grep -q musl; then
    check_in "$name" node
  elif [ -n "${CANDLE_EMBED_MUSL_RUNTIME:-}" ]; then
    read -ra runtime <<<"$CANDLE_EMBED_MUSL_RUNTIME"
    check_in "$name" "${runtime[@]}"
  else
    say "not run: this machine has no musl for $cpu, and CANDLE_EMBED_MUSL_RUNTIME names none"
  fi
}
