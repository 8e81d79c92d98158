#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a syscall leaves alone (registers, flags, extended state, the stack), and what the agent does: the address space,
# where sanitizers keep their shadows. LeakSanitizer traces its own process, which no sandbox lets it.
. "$(dirname "$0")/lib.sh"
for tier in plain rich; do
        compare "state, $tier policy" "$policies/$tier.json" "$LIVE_BIN/state"
done
compare 'address space' "$policies/rich.json" "$LIVE_BIN/space"
for sanitizer in address thread memory; do
        [ -x "$LIVE_BIN/watched-$sanitizer" ] || continue
        compare "$sanitizer sanitizer" "$policies/rich.json" env ASAN_OPTIONS=detect_leaks=0 TMPDIR="$DIR" \
                "$LIVE_BIN/watched-$sanitizer"
done
finish
