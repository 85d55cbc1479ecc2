#!/usr/bin/env bash
# The addon for Linux x64 with musl (Alpine).
source "$(dirname "$0")/common.sh"

build_for_musl linux-x64-musl x86_64
check_in_musl linux-x64-musl x86_64
