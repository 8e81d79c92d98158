#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a process asks again and again is asked over the ring, whenever polling happens to begin.
. "$(dirname "$0")/lib.sh"
[ "$(nproc)" -ge 2 ] || skip 'one core: nothing is ever polled'
hiding=$(policy hiding <<'END'
{
  "flicker": 1,
  "vars": { "DIR": "/nonexistent", "BIN": "/nonexistent" },
  "files": { "read": ["/etc", "/proc"], "exec": ["/usr", "$BIN"], "write": ["$DIR"], "hide": ["/usr/lib/hidden"] }
}
END
)
options=(--verbose)
for turn in 1 2 3 4 5 6; do
        run agent "$hiding" "$LIVE_BIN/asks" 700
        equal "$turn: status" 0 "$status"
        check "$turn: some went over the ring: $(tail -n 1 "$err")" grep -q ', [1-9][0-9]* over the ring' "$err"
done
finish
