#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The cores that a program may run on do not change while it is served.
. "$(dirname "$0")/lib.sh"
compare 'cores' "$policies/rich.json" "$LIVE_BIN/cores"
compare 'cores, plain' "$policies/plain.json" "$LIVE_BIN/cores"
finish
