#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# File operations: what they give is what the kernel gives, whoever carries them out.
. "$(dirname "$0")/lib.sh"
for tier in plain deny; do
        compare "file operations, $tier policy" "$policies/$tier.json" "$LIVE_BIN/fileops"
done
# Where something is hidden, a descriptor for reading stands in for one as a path (README.md, "Limits").
compare "file operations, rich policy" "$policies/rich.json" "$LIVE_BIN/fileops" --no-path
modes=all-noagent
compare "file operations, deny policy" "$policies/deny.json" "$LIVE_BIN/fileops"
finish
