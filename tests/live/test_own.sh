#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Flicker's own programs are out of reach of the sandbox where the policy grants the directory they lie in: the broker
# executes a helper with rights that the sandbox has not. And so where they lie by a name that is full of what is special
# in patterns.
. "$(dirname "$0")/lib.sh"
generous=$(policy generous <<'END'
{
  "flicker": 1,
  "vars": { "DIR": "/nonexistent", "BIN": "/nonexistent" },
  "files": { "read": ["/etc", "/proc"], "exec": ["/usr"], "write": ["$DIR", "/dev"] }
}
END
)
installed=$(dirname "$(dirname "$FLICKER_RUN")")
fingerprint() { find "$1" -type f -exec cksum {} + | sort; }

# shellcheck disable=SC2016
for place in plain 'a [b]*{c,d}?$HOME$$~\e'; do
        prefix=$DIR/$place/flicker
        mkdir -p "$prefix"
        cp -rL "$installed/bin" "$installed/libexec" "$prefix/"
        FLICKER_RUN=$prefix/bin/flicker-run
        fingerprint "$prefix/libexec" >"$work/before"
        for mode in $modes; do
                run "$mode" "$generous" true
                equal "$place, $mode: it runs" 0 "$status"
                # shellcheck disable=SC2016
                run "$mode" "$generous" sh -c '
                        cd "$1" || exit
                        for file in bin/flicker-run libexec/flicker/*; do
                                (cat /usr/bin/true >"$file") && echo "written $file"
                                rm "$file" && echo "removed $file"
                                mv "$file" away && echo "moved $file"
                        done
                        touch libexec/flicker/new && echo created
                        mv libexec/flicker away && echo moved
                        mv libexec away && echo moved
                        mv bin away && echo moved
                        cp /usr/bin/ls ls && ls "$1/.." && ln bin/flicker-run link && echo linked' sh "$prefix"
                equal "$place, $mode: nothing works, but what else is granted" flicker "$(cat "$out")"
                fingerprint "$prefix/libexec" >"$work/after"
                same "$place, $mode: nothing is changed" "$work/before" "$work/after"
                check "$place, $mode: it is there" [ -x "$FLICKER_RUN" ]
                rm -f "$prefix/ls"
        done
done

# Helpers that are somewhere else are guarded there; a link to them that could be changed is none to go by.
prefix=$DIR/linked/flicker
mkdir -p "$prefix" "$work/fixed/flicker"
cp -rL "$installed/libexec" "$DIR/elsewhere"
cp -rL "$installed/bin" "$work/fixed/flicker/"
cp -rL "$installed/bin" "$prefix/"
ln -s "$DIR/elsewhere" "$work/fixed/flicker/libexec"
ln -s "$DIR/elsewhere" "$prefix/libexec"
for mode in $modes; do
        FLICKER_RUN=$work/fixed/flicker/bin/flicker-run
        # shellcheck disable=SC2016
        run "$mode" "$generous" sh -c 'for file in "$1"/flicker/*; do (cat /usr/bin/true >"$file") && echo written; done; echo end' sh "$DIR/elsewhere"
        equal "by a link, $mode: nothing works" end "$(cat "$out")"
        FLICKER_RUN=$prefix/bin/flicker-run
        run "$mode" "$generous" true
        equal "by a link that can be changed, $mode" 125 "$status"
done
finish
