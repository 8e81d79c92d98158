#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is cached for later runs (patch plans, filters) is out of reach of the sandbox, even where the policy grants
# the directory it lies in: whoever could write it would get into other sandboxes.
. "$(dirname "$0")/lib.sh"
unset XDG_CACHE_HOME
generous=$(policy generous <<'END'
{
  "flicker": 1,
  "vars": { "DIR": "/nonexistent", "BIN": "/nonexistent" },
  "files": { "read": ["/etc", "/proc"], "exec": ["/usr"], "write": ["$DIR", "/dev", "/var/cache"] }
}
END
)
is_root && cache=/var/cache/flicker || cache=$DIR/.cache/flicker
prepare() {
        rm -rf "$DIR"
        mkdir "$DIR"
        export HOME=$DIR
}

# Files that are there, with their checksums. The broker itself may add some.
fingerprint() { find "$cache" -type f -exec cksum {} + 2>/dev/null | sort; }
unchanged() { [ -z "$(comm -23 "$work/before" <(fingerprint))" ]; }

for mode in $modes; do
        # Before there is one, nobody else may make it.
        prepare
        is_root || {
                run "$mode" "$generous" mkdir -p "$cache/plans"
                check "$mode: the cache is not made by the program" [ "$status" != 0 ]
        }
        run "$mode" "$generous" true
        run "$mode" "$generous" true
        fingerprint >"$work/before"
        # shellcheck disable=SC2016,SC2046
        run "$mode" "$generous" sh -c '
                touch "$1/new" && echo created
                for file; do
                        [ "$file" = "$1" ] && continue
                        (echo junk >"$file") && echo written
                        rm "$file" && echo removed
                        cat "$file" >/dev/null && echo read
                done
                mv "$1" "$1.away" && echo moved
                ln -s "$1" "$HOME/link"
                touch "$HOME/link/new" && echo created' sh "$cache" $(find "$cache" -type f | head -n 5)
        equal "$mode: nothing works" '' "$(cat "$out")"
        check "$mode: nothing is left there" [ ! -e "$cache/new" ]
        is_root || check "$mode: nothing is changed" unchanged
done
finish
