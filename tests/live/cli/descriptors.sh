#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The program finds the descriptors and limits that flicker-run was started with.
# shellcheck source=tests/live/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# What is open, where it leads, and the limits, into the file named.
# Not by way of a wrapper that python3 may be, since that needs descriptors of its own.
printf '#!%s\n' "$(python3 -c 'import sys; print(sys.executable)')" >"$work/list"
cat >>"$work/list" <<'EOF'
import os, re, resource, sys
text = ""
for fd in range(64):
    try:
        text += "%d %s\n" % (fd, re.sub(r"\[.*", "", os.readlink("/proc/self/fd/%d" % fd)))
    except OSError:
        pass
text += "%r\n" % (resource.getrlimit(resource.RLIMIT_NOFILE),)
open(sys.argv[1], "w").write(text)
EOF
chmod +x "$work/list"

# compare WHAT: with the descriptors at hand, natively and under flicker
compare() {
        "$work/list" "$work/native"
        timeout 30 "${flicker[@]}" "$work/list" "$work/flicker"
        same "status with $1" 0 $?
        same "descriptors with $1" "$(cat "$work/native")" "$(cat "$work/flicker" 2>&1)"
}

compare "all standard ones"
(compare "no input" <&-; exit "$failures") || failures=1
(compare "no output" >&-; exit "$failures") || failures=1
(compare "no error" 2>&-; exit "$failures") || failures=1
(compare "none at all" <&- >&- 2>&-; exit "$failures") || failures=1
(compare "two more" 5</dev/null 9>/dev/zero; exit "$failures") || failures=1
(ulimit -n 64; compare "64 open files"; exit "$failures") || failures=1
(ulimit -Sn 32; compare "a soft limit of 32"; exit "$failures") || failures=1

# A small limit: it works, or says why not.
(
        ulimit -n 16
        timeout 30 "${flicker[@]}" true 2>"$work/err"
        code=$?
        [ $code -eq 0 ] || { [ $code -eq 125 ] && grep -q '^flicker: ' "$work/err"; }
) || fail "16 open files: $(cat "$work/err")"
for limit in 10 7 5 4; do
        # Judged outside: with so few descriptors the shell and grep have their own troubles.
        (ulimit -n $limit && exec timeout 30 "${flicker[@]}" true) 2>"$work/err" 3>&- 4>&- 5>&-
        code=$?
        [ $code -eq 0 ] || { [ $code -ge 125 ] && [ $code -le 127 ] && grep -q '^flicker: ' "$work/err"; } ||
                fail "$limit open files: $(cat "$work/err")"
done

# flicker-run holds no pipe open that the program has closed.
start=$(date +%s%N)
{ "${flicker[@]}" bash -c 'exec >/dev/null; sleep 3' 2>/dev/null & } | { cat; date +%s%N >"$work/end"; }
[ $(($(cat "$work/end") - start)) -lt 2000000000 ] || fail "end-of-file came late"

# Bytes pass untouched, also where standard error is closed.
same "a pipe" "HELLO" "$(echo hello | "${flicker[@]}" tr a-z A-Z)"
same "no error to write to" "x" "$("${flicker[@]}" echo x 2>&-)"
finish
