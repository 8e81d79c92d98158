#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a program can see of how it was started.
. "$(dirname "$0")/lib.sh"
prepare() {
        rm -rf "$DIR"
        mkdir "$DIR"
        cp "$LIVE_BIN/identity" "$DIR/program"
        ln -s program "$DIR/linked"
        printf '#!%s/identity\n' "$LIVE_BIN" >"$DIR/script"
        printf '#!%s/identity  one argument \n' "$LIVE_BIN" >"$DIR/script-argument"
        printf '#! %s/script-argument\n' "$DIR" >"$DIR/script-script"
        chmod +x "$DIR"/script*
}
shapes="identity identity-static identity-static-pie identity-nopie"
[ -x "$LIVE_BIN/identity-musl" ] && shapes="$shapes identity-musl"
for shape in $shapes; do
        compare "$shape" "$policies/plain.json" "$LIVE_BIN/$shape" one "two words" ""
        compare "$shape, brokered" "$policies/rich.json" "$LIVE_BIN/$shape" one "two words" ""
done
for way in ./program ./linked "$DIR/program" ./script ./script-argument ./script-script; do
        compare "by $way" "$policies/rich.json" "$way" argument
done
compare 'empty environment' "$policies/rich.json" env -i "$LIVE_BIN/identity"
compare 'from a shell without environment' "$policies/rich.json" env -i /bin/sh -c "exec $LIVE_BIN/identity x"
compare 'umask and limits' "$policies/rich.json" \
        sh -c "umask 027; ulimit -n 64; ulimit -c 0; exec $LIVE_BIN/identity"
compare 'ignored signals' "$policies/rich.json" \
        sh -c "trap '' HUP INT USR1; exec $LIVE_BIN/identity"
compare 'niceness' "$policies/rich.json" nice -n 5 "$LIVE_BIN/identity"
compare 'found by PATH' "$policies/rich.json" env PATH="$LIVE_BIN" identity
for tier in plain deny rich; do
        compare "left by its parent, $tier policy" "$policies/$tier.json" "$LIVE_BIN/orphan"
done

# An image without ASLR cannot be told from the next: what the agent may not do it does not try.
# shellcheck disable=SC2016 # for the shell in the sandbox
printf 'n=$(cat n 2>/dev/null || echo 0)\n[ "$n" -ge 4 ] && exit 0\necho $((n + 1)) >n\nexec sh ./again\n' >"$work/again"
prepare() {
        rm -rf "$DIR"
        mkdir "$DIR"
        cp "$work/again" "$DIR/"
}
compare 'the same program over again, without ASLR' "$policies/rich.json" setarch -R sh ./again
finish
