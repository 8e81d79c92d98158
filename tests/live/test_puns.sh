#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Jumps that end in the bytes of what follows: three ways, as what follows is branched to, with signals that interrupt a
# call there. At fixed addresses there is nothing below the program to lead to: left to the backstop.
. "$(dirname "$0")/lib.sh"
flickerctl=$(dirname "$FLICKER_RUN")/flickerctl

# tactics FILE: of the sites that do not lie in a C library's own code.
tactics() {
        "$flickerctl" sites "$1" | awk '/window|no room/ { print $2 }' | sort | uniq -c | tr -s ' \n' ' '
}

equal 'one site each' ' 1 padding 1 prefixed 1 punned 1 successor ' "$(tactics "$LIVE_BIN/puns")"
equal 'fixed addresses: no pun' ' 3 none 1 padding ' "$(tactics "$LIVE_BIN/puns-nopie")"
for shape in '' -nopie; do
        compare "calls$shape" "$policies/plain.json" "$LIVE_BIN/puns$shape"
        compare "calls$shape, brokered" "$policies/rich.json" "$LIVE_BIN/puns$shape"
done
if [[ " $modes " == *' all '* ]]; then
        prepare
        run all "$policies/plain.json" "$LIVE_BIN/puns" stubs
        equal 'all three lead to a stub' '3 stubs' "$(cat "$out")"
fi
finish
