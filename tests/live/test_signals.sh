#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Signals: what handlers see of the code they interrupt, and what becomes of it.
. "$(dirname "$0")/lib.sh"
for tier in plain rich; do
        compare "interrupted, $tier policy" "$policies/$tier.json" "$LIVE_BIN/interrupted" 100 restart
done
# Without SA_RESTART nothing that the kernel does not interrupt is interrupted here; with the backstop alone it can be.
modes=${LIVE_MODES:-agent all}
for tier in plain rich; do
        compare "uninterrupted, $tier policy" "$policies/$tier.json" "$LIVE_BIN/interrupted" 100 interrupt
done
finish
