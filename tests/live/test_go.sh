#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A Go program: raw syscalls on small stacks, many goroutines.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_http.sh"
need curl
[ -x "$LIVE_BIN/goserver" ] || skip 'not built: no go'
program=("$LIVE_BIN/goserver")
lives
finish
