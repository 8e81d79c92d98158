#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# process.ptrace: debuggers work within the sandbox, whether the agent is there or not; without it they do not.
. "$(dirname "$0")/lib.sh"
tracing=$(policy tracing <<END
{ "flicker": 1, "extends": ["$policies/rich.json"], "process": { "ptrace": "sandbox" } }
END
)

need strace
for mode in $modes; do
        prepare
        run "$mode" "$tracing" strace -f -qq -e trace=openat,execve -o "$DIR/trace" sh -c '/bin/cat /etc/passwd >/dev/null; exit 3'
        equal "strace ($mode): status" 3 "$status"
        check "strace ($mode): the child's calls" grep -q 'openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = [0-9]' "$DIR/trace"
        check "strace ($mode): the child's program" grep -q 'execve("/bin/cat".* = 0' "$DIR/trace"
        run "$mode" "$policies/rich.json" strace -o /dev/null true
        check "strace without the grant ($mode)" [ "$status" != 0 ]
        explained "strace without the grant ($mode)" "$err" 'syscall ptrace' 'the baseline refuses it'
done

need gdb
session=(gdb -nx -batch -ex 'set confirm off' -ex 'set debuginfod enabled off' -ex 'break step' -ex run -ex 'print x'
        -ex 'set var counter = 40' -ex delete -ex continue "$LIVE_BIN/traced")
for mode in native $modes; do
        prepare
        run "$mode" "$tracing" "${session[@]}"
        equal "gdb ($mode): where it stops, what it changes" '$1 = 1|41|43|46|' \
                "$(grep -aE '^(\$1 = |[0-9]+$)' "$out" | tr '\n' '|')"
        check "gdb ($mode): how it ends" grep -q 'exited with code 07' "$out"
done

# The agent is there when the debugger comes: it finds the program by what the kernel says of it.
# shellcheck disable=SC2016 # for the shell in the sandbox
attached='"$0" wait & gdb -nx -batch -ex "set confirm off" -ex "set debuginfod enabled off" -p $! -ex "break step" -ex continue \
        -ex "print x" -ex "info sharedlibrary" -ex "set var keep = 0" -ex "set var counter = 40" -ex delete -ex detach; wait $!; echo "status $?"'
attachable="native $modes"
[ "$(id -u)" != 0 ] || attachable='native noagent' # docs/POLICY.md, "Tracing"
for program in traced traced-static-pie; do
        for mode in $attachable; do
                prepare
                run "$mode" "$tracing" sh -c "$attached" "$LIVE_BIN/$program"
                equal "gdb attached to $program ($mode)" '$1 = 0|41|43|46|status 7|' \
                        "$(grep -aE '^(\$1 = |status |[0-9]+$)' "$out" | sort | tr '\n' '|')"
                [ "$program" != traced ] || check "gdb attached ($mode): the libraries" grep -q 'libc.so.6' "$out"
        done
done
finish
