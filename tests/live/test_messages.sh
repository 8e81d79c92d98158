#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sendmsg without an address. Without the agent the broker sends, and a peer that asks who is told of the broker.
. "$(dirname "$0")/lib.sh"
all_modes=$modes
for tier in plain rich; do
        compare "messages, $tier policy" "$policies/$tier.json" "$LIVE_BIN/messages"
        modes=${modes/noagent/}
        compare "senders, $tier policy" "$policies/$tier.json" "$LIVE_BIN/messages" senders
        modes=$all_modes
done
finish
