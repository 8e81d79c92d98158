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
# A directory in the working directory, removed and made anew: which the broker's own domain is not to keep from working.
renewed=$(policy renewed <<'END'
{
  "flicker": 1,
  "vars": { "DIR": "/nonexistent", "BIN": "/nonexistent" },
  "files": { "read": ["/etc", "/proc", "$DIR"], "exec": ["/usr"], "write": ["$DIR/build"], "deny": ["$DIR/secret"] }
}
END
)
for mode in agent noagent all; do
        prepare
        mkdir "$DIR/build"
        run "$mode" "$renewed" sh -c 'rm -rf build && mkdir build && echo new >build/file && cat build/file'
        equal "a directory made anew ($mode)" new "$(cat "$out")"
done
finish
