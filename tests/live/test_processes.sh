#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Processes, threads, exec and signals, in every shape a program can have.
. "$(dirname "$0")/lib.sh"
for tier in plain rich; do
        compare "processes, $tier policy" "$policies/$tier.json" "$LIVE_BIN/processes" "$LIVE_BIN/processes"
done
compare 'lives' "$policies/rich.json" "$LIVE_BIN/lives" 1000
for shape in static static-pie nopie; do
        compare "processes, $shape" "$policies/rich.json" "$LIVE_BIN/processes-$shape" "$LIVE_BIN/processes-$shape"
done
finish
