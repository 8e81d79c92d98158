#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Syscalls that no window fits: redirected by a short jump, and nothing near them notices.
. "$(dirname "$0")/lib.sh"
sites=$("$(dirname "$FLICKER_RUN")/flickerctl" sites "$LIVE_BIN/sides")
equal 'one site with padding' 1 "$(grep -c '  padding ' <<<"$sites")"
equal 'one site with neighbours' 1 "$(grep -c '  neighbour ' <<<"$sites")"
equal 'no site is left' 0 "$(grep -c '  none ' <<<"$sites")"
compare 'calls' "$policies/plain.json" "$LIVE_BIN/sides"
compare 'calls, brokered' "$policies/rich.json" "$LIVE_BIN/sides"
finish
