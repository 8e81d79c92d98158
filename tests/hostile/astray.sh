#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A broker that is led astray: what the policy cannot grant and the broker does not need, the kernel refuses to every
# thread of it. From the environment: FLICKER_RUN_FAULTY, HOSTILE_BIN.
set -u
: "${FLICKER_RUN_FAULTY:?}" "${HOSTILE_BIN:?}"
FLICKER_RUN=$FLICKER_RUN_FAULTY
. "$(dirname "$0")/lib.sh"
begin "${1:-}"
astray=$work/astray
# More calls than the broker's first thread serves, which is not one that it made.
# shellcheck disable=SC2016
calls='i=0; while [ $i -lt 100 ]; do [ -e public/$i ]; i=$((i + 1)); done'
# lead OPTION...: what became of each try, one line for all threads where they fared alike
lead() {
        prepare prober
        rm -rf "$astray"
        mkdir -p "$astray/empty"
        cp /bin/true "$astray/program"
        echo SECRET >"$astray/file"
        echo OTHER >"$astray/other"
        [ ${#as[@]} = 0 ] || chown -R nobody:nogroup "$astray"
        (cd "$DIR" && exec env FLICKER_ASTRAY="$astray" timeout --foreground -k 5 40 "${as[@]}" "$FLICKER_RUN" \
                --policy "$work/policy.json" --var "DIR=$DIR" "$@" -- /bin/sh -c "$calls") >"$work/out" 2>"$work/err" </dev/null 9>&-
        equal "$*: status" 0 $?
        grep -a '^astray: ' "$work/err" | sort -u | tr '\n' ' '
}
# An older kernel cannot say what it would execute.
known() { sed 's/astray: execute: EINVAL //'; }
listed() { printf 'astray: %s ' "$@"; }

refused=$(listed 'link: EXDEV' 'list: EACCES' 'make: EACCES' 'mkdir: EACCES' 'own: done' 'plant: EACCES' 'proc: done' \
        'read: EACCES' 'rmdir: EACCES' 'symlink: EACCES' 'take: EACCES' 'truncate: EACCES' 'unlink: EACCES' 'write: EACCES')
for mode in '' --no-agent '--mediate all'; do
        # shellcheck disable=SC2086
        equal "outside of the policy $mode" "$refused" "$(lead $mode | known | sed 's/astray: execute: EACCES //')"
        equal "outside of the policy $mode: the file" SECRET "$(cat "$astray/file")"
        equal "outside of the policy $mode: what is there" 'empty file other program' "$(ls "$astray" | tr '\n' ' ' | sed 's/ $//')"
done
# The same succeeds where the policy could grant it: it is the domain that refuses.
all=$(lead --write "$astray")
equal 'in the policy' '' "$(printf '%s' "$all" | known | tr ' ' '\n' | grep -A1 ':$' | grep -v 'done\|:$\|^--\|ENOENT\|EEXIST')"
case $all in *'read: done'*'write: done'*) ;; *) failed "in the policy: $all" ;; esac
[ "$failures" = 0 ]
