#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A server linked statically with musl: no libc of the system is involved.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_http.sh"
need curl
[ -x "$LIVE_BIN/muslserver" ] || skip 'not built: no musl-gcc'
program=("$LIVE_BIN/muslserver")
lives
finish
