#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A log that a program would fill the disk with is bounded, and one that cannot be written costs nothing but its records.
. "$(dirname "$0")/lib.sh"
small=$(policy small <<END
{ "flicker": 1, "extends": ["$policies/plain.json"], "audit": { "limit": "8K" } }
END
)
cat >"$work/insist.py" <<'END'
import errno
refused = 0
for i in range(300):
    try:
        open("/var/lib/dpkg/status")
    except OSError as error:
        refused += error.errno == errno.EACCES
print(refused)
END
chmod 644 "$work/insist.py"
# insist MODE POLICY LOG: 300 refusals; whatever becomes of the log, the program notices nothing of it.
insist() {
        options=(--audit "$3" --read "$work/insist.py")
        run "$1" "$2" python3 "$work/insist.py"
        options=()
        equal "$4 ($1): status" 0 "$status"
        equal "$4 ($1): refused" 300 "$(cat "$out")"
        check "$4 ($1): counted" grep -q '^flicker: 3[0-9][0-9] operations denied$' "$err"
}
# judge LOG: whole lines, and what the last one says
judge() {
        python3 -c '
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
full = [event for event in events if event["event"] == "full"]
assert len({frozenset(event) for event in events}) == 1
print(len(events) > 10, full == events[-1:], events[-1]["rule"])' "$1"
}
for mode in $modes; do
        log=$work/log.$mode
        insist "$mode" "$small" "$log" 'small log'
        check "small log ($mode): bounded" [ "$(stat -c %s "$log")" -le 8704 ]
        equal "small log ($mode): the last record" 'True True audit.limit' "$(judge "$log")"
        equal "small log ($mode): said once" 1 "$(grep -c 'the audit log has reached its limit of 8192 bytes' "$err")"

        insist "$mode" "$policies/plain.json" /dev/full 'full disk'
        equal "full disk ($mode): said once" 1 "$(grep -c 'the audit log cannot be written: No space left on device' "$err")"

        log=$work/limited.$mode
        (ulimit -f 4 && insist "$mode" "$policies/plain.json" "$log" 'file size limit' &&
                equal "file size limit ($mode): said once" 1 "$(grep -c 'the audit log cannot be written: File too large' "$err")" &&
                [ "$failures" = 0 ]) || fail "file size limit ($mode)"
        check "file size limit ($mode): kept" [ "$(stat -c %s "$log")" -le 4096 ]
done
finish
