#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sendmsg without an address. What the broker sends, a peer that asks who is told comes from the caller, where the broker may
# say so: as root.
. "$(dirname "$0")/lib.sh"
all_modes=$modes
for tier in plain rich; do
        compare "messages, $tier policy" "$policies/$tier.json" "$LIVE_BIN/messages"
        is_root || modes=${modes/noagent/}
        compare "senders, $tier policy" "$policies/$tier.json" "$LIVE_BIN/messages" senders
        modes=$all_modes
        is_root || continue
        compare "senders of descriptors, $tier policy" "$policies/$tier.json" "$LIVE_BIN/messages" senders-of-descriptors
done
finish
