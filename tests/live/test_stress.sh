#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Stress programs, all at once: forks of every kind, signals, faults, timers, futexes, mappings, libraries, execs.
. "$(dirname "$0")/lib.sh"
need stress-ng
stressors=(fork vfork clone signal sigsegv sigfpe sigq timer futex mmap mprotect dynlib exec)
line_of_stress=(stress-ng --temp-path . --timeout "${LIVE_STRESS_SECONDS:-3}")
for stressor in "${stressors[@]}"; do line_of_stress+=("--$stressor" 1); done
stress_policy=$(policy stress <<'END'
{
  "flicker": 1,
  "vars": { "DIR": "/nonexistent", "BIN": "/nonexistent" },
  "files": { "read": ["/etc", "/proc", "/sys", "/run"], "write": ["$DIR", "/dev"], "exec": ["/usr"], "deny": ["$DIR/secret"] }
}
END
)

# Of what was started, nothing failed. (As root the exec stressor does not start.)
complaints() { grep -aE 'fail|error|terminated|unsuccessful' "$1" | grep -av 'No stress workers'; }

for mode in native $modes; do
        prepare
        run "$mode" "$stress_policy" "${line_of_stress[@]}"
        equal "stress ($mode): status" 0 "$status"
        equal "stress ($mode): complaints" '' "$(complaints "$err" | head -n 5)"
        check "stress ($mode): it ran" grep -aq 'successful run completed' "$err"
done
finish
