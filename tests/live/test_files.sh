#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# File operations: what they give is what the kernel gives, whoever carries them out.
. "$(dirname "$0")/lib.sh"
for tier in plain rich; do
        compare "file operations, $tier policy" "$policies/$tier.json" "$LIVE_BIN/fileops"
done
modes=all-noagent
compare "file operations, rich policy" "$policies/rich.json" "$LIVE_BIN/fileops"
finish
