#!/usr/bin/env bash
# The addon for Linux x64 with glibc.
source "$(dirname "$0")/common.sh"

build_for_glibc linux-x64-gnu x86_64
check_in linux-x64-gnu node
