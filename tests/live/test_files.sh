#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# File operations: what they give is what the kernel gives, whoever carries them out.
. "$(dirname "$0")/lib.sh"
for tier in plain deny; do
        compare "file operations, $tier policy" "$policies/$tier.json" "$LIVE_BIN/fileops"
done
everything=$(policy everything <<'END'
{ "flicker": 1, "vars": { "DIR": "/", "BIN": "/" },
  "files": { "read": ["/"], "write": ["/"], "exec": ["/"], "deny": ["/flicker-no-such-name"] } }
END
)
compare "one's own descriptors" "$everything" "$LIVE_BIN/fileops" --own-descriptors
# Where something is hidden, a descriptor for reading stands in for one as a path (README.md, "Limits").
compare "file operations, rich policy" "$policies/rich.json" "$LIVE_BIN/fileops" --no-path
modes=all-noagent
compare "file operations, deny policy" "$policies/deny.json" "$LIVE_BIN/fileops"
# A directory in the working directory, removed and made anew: neither the broker's own domain nor, where opens are the
# kernel's, the sandbox's is to keep it from working.
renewed() {
        policy "$1" <<END
{
  "flicker": 1,
  "vars": { "DIR": "/nonexistent", "BIN": "/nonexistent" },
  "files": { "read": ["/etc", "/proc", "\$DIR"], "exec": ["/usr"], "write": ["\$DIR/build", "/dev/null"]$2 }
}
END
}
broker=$(renewed broker ', "deny": ["$DIR/secret"]') kernel=$(renewed kernel '')
for mode in agent noagent all; do
        for policy in "$broker" "$kernel"; do
                prepare
                mkdir "$DIR/build"
                run "$mode" "$policy" sh -c 'rm -rf build && mkdir build && umask 027 && echo new >build/file &&
                        cat build/file && stat -c %a build/file; cat <build/absent 2>/dev/null; echo no >other; echo $?'
                equal "a directory made anew ($mode, $(basename "$policy"))" 'new 640 2' "$(xargs <"$out")"
                check "what is beside it stays closed ($mode)" [ ! -e "$DIR/other" ]
        done
done
finish
