#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Code that comes into a process in every way there is: loaded and unloaded, mapped twice, made executable later, from
# memory, in two views, written while it may run, moved, replaced.
. "$(dirname "$0")/lib.sh"
compare 'mappings' "$policies/plain.json" "$LIVE_BIN/mappings" "$LIVE_BIN/libstub.so"
compare 'mappings, brokered' "$policies/rich.json" "$LIVE_BIN/mappings" "$LIVE_BIN/libstub.so"
same 'they are what they should be' - "$work/out/expected.out" <<'END'
300 cycles, 0 mappings more
twice: -22 -22, shared: -22
the other stays: -22
made executable: -22 -22 -22
written: -22 1 -22
two views, flags 1: -22 1 -22
two views, flags 2: -22 1 -22
from memory: -2
moved: -22
grown: -22
shrunk: -22
replaced: -22
mapped over: -22
END
finish
