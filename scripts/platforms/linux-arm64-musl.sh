#!/usr/bin/env bash
# The addon for Linux arm64 with musl (Alpine).
source "$(dirname "$0")/common.sh"

build_for_musl linux-arm64-musl aarch64
check_in_musl linux-arm64-musl aarch64
