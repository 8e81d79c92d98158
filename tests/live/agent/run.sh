#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs run natively and by the agent: unpatched, patched, and patched with their path syscalls notified. What they
# print and how they end has to be the same.
#
#   run.sh STAND_IN_BROKER AGENT SCANNER DIRECTORY_OF_TEST_PROGRAMS
set -u
broker=$1 agent=$2 scanner=$3 programs=$4
work=$(mktemp -d "${TMPDIR:-/tmp}/flicker-agent.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
failures=0 checks=0

# run OUTPUT COMMAND...
run() {
        local output=$1
        shift
        (cd "$work" && timeout 60 "$@") >"$output" 2>&1 </dev/null
        echo "status $?" >>"$output"
}

# check WHAT COMMAND...; in the ways of $ways.
ways=("" "-p $scanner" "-m -p $scanner")
check() {
        local what=$1
        shift
        run "$work/expected" "$@"
        for way in "${ways[@]}"; do
                # shellcheck disable=SC2086 # the options are words
                run "$work/got" "$broker" $way "$agent" "$@"
                checks=$((checks + 1))
                if ! diff "$work/expected" "$work/got" >"$work/diff"; then
                        failures=$((failures + 1))
                        printf 'FAIL %s (%s)\n' "$what" "$way"
                        head -20 "$work/diff"
                fi
        done
}

printf '#!/bin/sh -e\necho "$0" "$1"; tr "\\0" "|" </proc/$$/cmdline\n' >"$work/script"
printf '#!%s/script x\n' "$work" >"$work/empty"
chmod +x "$work/script"
check script ./script argument
check pipeline /bin/sh -c 'ls / | sort | tee list | wc -c; (cat list; exit 3); echo $?'
check environment /usr/bin/env -i A=B /usr/bin/env
check 'no environment' /usr/bin/env -i /bin/sh -c 'exec /usr/bin/env'
check 'absent program' /bin/sh -c '/absent; echo $?; ./empty; echo $?; exec /absent'
check 'killed' /bin/sh -c 'kill -SEGV $$'
[ -x /usr/bin/python3 ] && check python /usr/bin/python3 -c 'import ctypes, subprocess
print(subprocess.run(["/bin/echo", "x"], capture_output=True))'
# Unpatched, a program that looks at /proc/self/exe finds the agent; so these are patched.
ways=("-p $scanner" "-m -p $scanner")
for program in "$programs"/processes*; do
        check "${program##*/}" "$program"
done
# Reported opens are run by the agent itself, whose frames no unwinder knows; brokered ones at their site.
ways=("-m -p $scanner")
check cancel "$programs/cancel"
echo "$checks checks, $failures failed"
[ "$failures" = 0 ]
