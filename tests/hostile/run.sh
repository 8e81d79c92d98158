#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh ATTACK [user]: runs one attack program in every mode and shows that nothing came of it.
# From the environment: FLICKER_RUN, HOSTILE_BIN; `user` runs it as nobody, from a copy.
set -u
: "${FLICKER_RUN:?}" "${HOSTILE_BIN:?}"
attack=${1:?}
. "$(dirname "$0")/lib.sh"
begin "${2:-}"
[ ! -e "$here/policy_$attack.json" ] || cp "$here/policy_$attack.json" "$work/policy.json"
program=$DIR/attack_$attack
# Where directories alone are granted, not all of $DIR is.
[ "$attack" != reported ] || program=$DIR/public/attack_$attack

# Another sandbox, of the same user, that reads what it is told to: it is served all the time, attack or no attack.
start_bystander() {
        mkfifo "$work/ask"
        echo SERVED >"$work/served"
        printf '{"flicker": 1, "files": {"read": ["/etc", "%s"], "write": ["/dev/null"], "exec": ["/usr"], "deny": ["%s"]}}\n' \
                "$work" "$OUTSIDE" >"$work/bystander.json"
        # shellcheck disable=SC2016 # for the shell in the sandbox
        (cd / && exec "${as[@]}" "$FLICKER_RUN" --quiet --policy "$work/bystander.json" -- \
                sh -c 'while read -r file; do /usr/bin/cat "$file" 2>/dev/null || echo REFUSED; done') <"$work/ask" >"$work/answers" 2>&1 9>&- &
        exec 8>"$work/ask"
}
asked=0
served() {
        asked=$((asked + 1))
        printf '%s\n%s\n' "$work/served" "$OUTSIDE" >&8
        for _ in $(seq 200); do
                [ "$(wc -l <"$work/answers")" -ge $((2 * asked)) ] && break
                sleep 0.05
        done
        equal "$1: another sandbox" 'SERVED REFUSED' "$(tail -n 2 "$work/answers" | tr '\n' ' ' | sed 's/ $//')"
}

# What the program calls itself and its files never reaches a terminal, or the log's reader, as it is.
explained() {
        if [ "$(wc -c <"$work/err")" -gt 1000000 ]; then failed "$1: floods standard error"; fi
        if LC_ALL=C tr -d '\t\n\040-\176' <"$work/err" | grep -q . ||
                [ "$(grep -ac '^flicker: [0-9]* operations\{0,1\} denied' "$work/err")" -gt 1 ]; then
                failed "$1: a name spoils standard error"
        fi
        python3 "$here/audit.py" "$attack" "$audit" "$DIR" "$work/out" "$2" || {
                failed "$1: the audit log"
                head -n 20 "$work/out"
        }
}

run() {
        local mode=$1 status
        shift
        prepare "attack_$attack"
        (cd "$DIR" && exec timeout --foreground -k 5 90 "${as[@]}" "$FLICKER_RUN" --policy "$work/policy.json" \
                --var "DIR=$DIR" --audit "$audit" "$@" -- "$program") >"$work/out" 2>"$work/err" </dev/null 8>&- 9>&-
        status=$?
        if [ "$status" = 77 ]; then echo 'skipped' && exit 77; fi
        # An attacker whom a signal ends (the sandbox killed it) has got nowhere either.
        if grep -aq ESCAPED "$work/out" || { [ "$status" != 0 ] && [ "$status" != 137 ] && [ "$status" != 159 ]; }; then
                failed "$attack ($mode): status $status"
                grep -a . "$work/out" | sort | uniq -c | sort -rn | head -n 20
                tail -n 5 "$work/err" | cut -c 1-300
        else
                printf 'ok %s (%s): status %s\n' "$attack" "$mode" "$status"
        fi
        unharmed "$attack ($mode)"
        served "$attack ($mode)"
        explained "$attack ($mode)" "$status"
}

start_bystander
run agent
run no-agent --no-agent
run all --mediate all
[ "$failures" = 0 ]
