#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What Python tests of the system in its own test suite: mappings, locks, descriptors, signals and threads. As an ordinary user only,
# for time.
. "$(dirname "$0")/lib.sh"
is_root && skip 'the same as an ordinary user'
/usr/bin/python3 -c 'import test.test_mmap' 2>/dev/null || skip 'no tests of python3 here'
# results MODE: what became of each test.
results() { cat "$out" "$err" | grep -aE '\.\.\. (ok|FAIL|ERROR|skipped)' | sed 's/0x[0-9a-f]*/ADDRESS/' | sort; }
for mode in native $modes; do
        prepare
        run "$mode" "$policies/rich.json" env TMPDIR="$DIR" /usr/bin/python3 -m test -v test_mmap test_fcntl test_epoll test_threadsignals
        equal "$mode: status" 0 "$status"
        results >"$work/out/$mode.results"
        check "$mode: tests ran" [ "$(wc -l <"$work/out/$mode.results")" -gt 40 ]
        same "$mode: results" "$work/out/native.results" "$work/out/$mode.results"
done
finish
