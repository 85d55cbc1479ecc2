#!/usr/bin/env bash
# Rust with the sources of its std, from Debian's packages, as rustup's toolchain "debian": for a target ($1) that no toolchain
# here has std for. Does nothing where one has it; ends with code 1 where it can't be had.
source "$(dirname "$0")/common.sh"

target=$1
if (pick_toolchain "$target") &>/dev/null; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  fail "no toolchain has std for $target (rustup target add $target)"
fi
# Without this the candidate may be a Rust that is too old.
apt-get update -qq
apt-get install -qq --no-install-recommends rustc-web cargo-web rust-web-src >/dev/null
rustup toolchain link debian /usr
