#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Handlers: what they may do, what they interrupt, how they are left.
. "$(dirname "$0")/lib.sh"
compare handlers "$policies/rich.json" "$LIVE_BIN/handlers" 1000 300
compare restarts "$policies/rich.json" "$LIVE_BIN/restarts"
[ -x "$LIVE_BIN/unwind" ] && compare unwinding "$policies/rich.json" "$LIVE_BIN/unwind"
finish
