#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shells: pipelines, redirections, background jobs.
. "$(dirname "$0")/lib.sh"
prepare() {
        rm -rf "$DIR"
        mkdir "$DIR"
        cp "$live/src/pipeline.sh" "$live/src/pipeline.bash" "$DIR/"
        cp "$live/src/pipeline.sh" "$DIR/no-interpreter-line"
        chmod +x "$DIR/pipeline.sh" "$DIR/pipeline.bash"
}
for tier in plain rich; do
        compare "sh, $tier policy" "$policies/$tier.json" sh pipeline.sh
        compare "bash, $tier policy" "$policies/$tier.json" bash pipeline.bash
done
compare 'as a script' "$policies/rich.json" ./pipeline.sh
compare 'script without #!' "$policies/rich.json" sh -c 'chmod +x no-interpreter-line; ./no-interpreter-line'
if command -v busybox >/dev/null; then
        compare 'static shell' "$policies/rich.json" busybox sh pipeline.sh
fi
for mode in $modes; do
        prepare
        mkdir "$DIR/secret"
        echo "not for everyone" >"$DIR/secret/file"
        run "$mode" "$policies/rich.json" sh -c 'cat pipeline.sh | wc -l >count; cat <secret/file; echo status $?; sort secret/file | cat; echo end'
        equal "refused in the middle ($mode): status" 0 "$status"
        equal "refused in the middle ($mode): output" "status 2 end" "$(tr '\n' ' ' <"$out" | sed 's/ $//')"
        check "refused in the middle ($mode): message" grep -q 'cannot open secret/file: Permission denied' "$err"
        explained "refused in the middle ($mode)" "$err" "open $DIR/secret/file for reading" "$(rule 'files.deny[0]' rich.json)"
done
finish
