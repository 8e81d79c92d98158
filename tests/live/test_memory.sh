#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the agent, its trampolines and its tables add to the private memory of a process with glibc.
. "$(dirname "$0")/lib.sh"
# private FILE: KiB
private() { awk '/^Private/ { sum += $2 } END { print sum + 0 }' "$1"; }
prepare
run native - cat /proc/self/smaps_rollup
before=$(private "$out")
check 'natively there is some' [ "$before" -gt 0 ]
for mode in $modes; do
        prepare
        run "$mode" "$policies/rich.json" cat /proc/self/smaps_rollup
        after=$(private "$out")
        check "$mode: adds less than 1 MiB ($((after - before)) KiB)" [ "$after" -gt 0 -a "$((after - before))" -lt 1024 ]
done
finish
