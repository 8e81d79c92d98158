#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Surroundings that are poor: few descriptors, no cache, closed standard descriptors.
. "$(dirname "$0")/lib.sh"
policy=$policies/rich.json
echo content >"$DIR/file"
mkdir "$DIR/secret"
echo content >"$DIR/secret/file"

# fine WHAT: the last run of `cat file secret/file` did what it should.
fine() {
        equal "$1: status" 1 "$status"
        equal "$1: output" content "$(cat "$out")"
        explained "$1" "$err" "open $DIR/secret/file for reading" "$(rule 'files.deny[0]' rich.json)"
}

for mode in $modes; do
        compose "$mode" "$policy" cat file secret/file
        out=$work/out/$mode.out err=$work/out/$mode.err

        # Either it works, or flicker says that it cannot: nothing runs unconfined.
        (cd "$DIR" && ulimit -n 16 && exec "${line[@]}") >"$out" 2>"$err" </dev/null
        status=$?
        if [ "$status" = 125 ]; then
                check "16 descriptors ($mode): says so" grep -aq '^flicker: ' "$err"
                equal "16 descriptors ($mode): no output" '' "$(cat "$out")"
        else
                fine "16 descriptors ($mode)"
        fi

        mkdir -p "$work/cache"
        chmod 555 "$work/cache"
        (cd "$DIR" && XDG_CACHE_HOME=$work/cache exec "${line[@]}") >"$out" 2>"$err" </dev/null
        status=$?
        fine "read-only cache ($mode)"
        chmod 755 "$work/cache"
        (cd "$DIR" && XDG_CACHE_HOME=/dev/null/none exec "${line[@]}") >"$out" 2>"$err" </dev/null
        status=$?
        fine "impossible cache ($mode)"
        (cd "$DIR" && unset XDG_CACHE_HOME && HOME=/nonexistent exec "${line[@]}") >"$out" 2>"$err" </dev/null
        status=$?
        fine "no home ($mode)"
        mkdir -p "$work/junk/flicker/plans"
        for i in 1 2 3; do head -c 5000 /dev/urandom >"$work/junk/flicker/plans/$i"; done
        (cd "$DIR" && XDG_CACHE_HOME=$work/junk exec "${line[@]}") >"$out" 2>"$err" </dev/null
        status=$?
        fine "cache with junk ($mode)"
        (cd "$DIR" && XDG_CACHE_HOME=$work/junk exec "${line[@]}") >"$out" 2>"$err" </dev/null
        find "$work/junk" -type f | while read -r plan; do head -c 3000 /dev/urandom | dd of="$plan" bs=1 seek=80 conv=notrunc status=none; done
        (cd "$DIR" && XDG_CACHE_HOME=$work/junk exec "${line[@]}") >"$out" 2>"$err" </dev/null
        status=$?
        fine "spoilt plans ($mode)"

        # Every combination of closed standard descriptors. What is lost is the output, never the verdict.
        for closed in 0 1 2 01 02 12 012; do
                redirections=''
                case $closed in *0*) redirections="$redirections <&-" ;; esac
                case $closed in *1*) redirections="$redirections >&-" ;; esac
                case $closed in *2*) redirections="$redirections 2>&-" ;; esac
                rm -f "$DIR/result"
                compose "$mode" "$policy" sh -c \
                        '{ cat file; cat secret/file; echo "status $?"; ls -l /proc/self/fd | grep -c /dir/; } >result 2>result.err; exit 4'
                (cd "$DIR" && eval 'exec "${line[@]}"' "$redirections") >"$out" 2>"$err" </dev/null
                status=$?
                equal "closed $closed ($mode): status" 4 "$status"
                equal "closed $closed ($mode): result" 'content status 1' "$(head -n 2 "$DIR/result" 2>&1 | tr '\n' ' ' | sed 's/ $//')"
        done
done

if is_root && mkdir "$work/small" && mount -t tmpfs -o size=64k none "$work/small" 2>/dev/null; then
        head -c 70000 /dev/zero >"$work/small/full" 2>/dev/null
        for mode in $modes; do
                compose "$mode" "$policy" cat file secret/file
                (cd "$DIR" && XDG_CACHE_HOME=$work/small exec "${line[@]}") >"$out" 2>"$err" </dev/null
                status=$?
                fine "full cache ($mode)"
        done
        umount "$work/small"
fi
finish
