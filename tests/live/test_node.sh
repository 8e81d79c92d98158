#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# node: a thread pool, a JIT, a large executable.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_http.sh"
need curl node
prepare() {
        prepare_http
        cp "$live/src/server.js" "$DIR/"
}
program=(node server.js)
lives
finish
