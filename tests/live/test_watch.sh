#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# inotify: as natively, and no way to see what is hidden or not granted.
. "$(dirname "$0")/lib.sh"
watch=$LIVE_BIN/watch
denying=$(policy denying <<END
{ "flicker": 1, "extends": ["$policies/plain.json"], "files": { "deny": ["\$DIR/secret"] } }
END
)
for tier in "$policies/plain.json" "$denying"; do
        compare "watching, $(basename "$tier")" "$tier" "$watch" use
done
outside=$work/outside
mkdir "$outside"
for mode in $modes all-noagent; do
        prepare
        mkdir "$DIR"/{hidden,secret}
        touch "$DIR/hidden/file"
        run "$mode" "$policies/rich.json" "$watch" attack "$DIR" "$outside"
        equal "attack ($mode)" '' "$(cat "$out")"
        equal "attack ($mode): status" 0 "$status"
        explained "attack ($mode): hidden names" "$err" "watch $DIR where names are hidden" "$(rule 'files.hide[0]' rich.json)"
done
finish
