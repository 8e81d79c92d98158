#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The agent lives in somebody else's process without a loader and without a stack worth mentioning: its executable
# must need no relocation, no symbol, no interpreter, no vector or x87 register, no page that is writable and
# executable, and its gate no more of the target's stack than it promises (agent/gate.h).
#
#   tests/check/blob.sh AGENT [STACK_USAGE_DIRECTORY]
set -euo pipefail
agent=$1
stack_usage=${2:-}
failures=0
complain() {
        echo "blob: $*" >&2
        failures=$((failures + 1))
}

# Text only where a tool said something: -W, so that lines are whole.
sections=$(readelf -SW "$agent")
segments=$(readelf -lW "$agent")
readelf -rW "$agent" | grep -q 'no relocations' || complain "relocations are left: $(readelf -rW "$agent")"
undefined=$(nm --undefined-only "$agent")
[ -z "$undefined" ] || complain "undefined symbols: $undefined"
! grep -q 'INTERP' <<<"$segments" || complain 'it asks for an interpreter'
! grep -Eq 'LOAD .* RWE ' <<<"$segments" || complain 'a segment is writable and executable'
! grep -Eq 'GNU_STACK .* RWE ' <<<"$segments" || complain 'its stack is executable'
grep -q 'GNU_STACK' <<<"$segments" || complain 'it does not say that its stack is not executable'
! grep -Eq '\.(tdata|tbss|init_array|fini_array|plt)' <<<"$sections" ||
        complain 'thread-local storage, constructors or a procedure linkage table'
readelf -hW "$agent" | grep -q 'Type: *DYN' || complain 'it is not position-independent'
! readelf -dW "$agent" | grep -q NEEDED || complain 'it needs a library'

# Registers outside the integer file, and instructions that touch them without naming one.
vector=$(objdump -d --no-show-raw-insn "$agent" |
        grep -E '%(x|y|z)mm[0-9]|%mm[0-7]|%st\b|%st\(|%k[0-7]\b|\b(f(ld|st|add|mul|x|n)[a-z0-9]*|emms|v?ldmxcsr|v?stmxcsr|x(save|rstor)[a-z0-9]*)\b' || true)
[ -z "$vector" ] || complain "vector or x87 registers: $vector"
segment=$(objdump -d --no-show-raw-insn "$agent" | grep -E '%(fs|gs):' || true)
[ -z "$segment" ] || complain "fs or gs: $segment"

# The gate: red zone, registers, and the deepest chain of calls below ag_syscall, from what the compiler says of each
# function; and likewise a signal's thunk. Each call adds a return address. Functions that run on the agent's own stack are not part of it.
if [ -n "$stack_usage" ] && ls "$stack_usage"/*.su >/dev/null 2>&1; then
        depth=$(objdump -d --no-show-raw-insn "$agent" | awk -v limit=512 '
                FNR == NR { split($1, place, ":"); frame[place[length(place)]] = $2; next }
                /^[0-9a-f]+ <.*>:$/ { name = $2; gsub(/[<>:]/, "", name) }
                /(call|jmp) .*<[a-z_.0-9]+>$/ {
                        callee = $NF; gsub(/[<>]/, "", callee)
                        if (callee != name && callee !~ /\+/) calls[name] = calls[name] " " callee
                }
                function deepest(name, seen,   parts, count, i, below, most) {
                        if (index(seen, " " name " ") || name == "ag_on_stack" || name ~ /^ag_frame_(run|send)$/) return 16
                        count = split(calls[name], parts, " "); most = 0
                        for (i = 1; i <= count; i++) {
                                below = deepest(parts[i], seen " " name " ")
                                if (below > most) most = below
                        }
                        sub(/\.[0-9]+$/, "", name) # GCC numbers clones in symbols, not in its report
                        if (!(name in frame)) print "blob: no stack use of " name > "/dev/stderr"
                        return frame[name] + 8 + most
                }
                END { print 128 + 144 + deepest("ag_syscall", " "), 40 + deepest("ag_signal_arrived", " ") }' \
                <(cat "$stack_usage"/*.su) -)
        echo "blob: the gate and a thunk take $depth bytes of stack"
        [ "${depth% *}" -le 512 ] || complain "the gate takes ${depth% *} bytes of the target's stack, more than 512"
        [ "${depth#* }" -le 512 ] || complain "a thunk takes ${depth#* } bytes of a signal stack, more than 512"
fi
exit $((failures > 0))
