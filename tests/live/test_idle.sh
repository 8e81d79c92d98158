#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs that have nothing for the agent to do run without it, from the second time on; all others with it.
. "$(dirname "$0")/lib.sh"
maps_of() { cat "/proc/$(pgrep -xf "$1")/maps" 2>/dev/null; }
started() { maps_of "$1" | grep -q 'libc.so.6'; }
# sleep_in MODE POLICY WANTED: does a sleep have the agent (yes, no)?
sleep_in() {
        local sleep="sleep 60.$$"
        serve "$1" "$2" $sleep
        if await 20 started "$sleep"; then
                maps_of "$sleep" | grep -q flicker-agent && got=yes || got=no
                equal "sleep ($1, $(basename "$2")) has the agent" "$3" "$got"
        else
                fail "sleep ($1, $(basename "$2")) does not start"
        fi
        end_server
}
compare 'true' "$policies/rich.json" true # its plan is made
compare 'sleep' "$policies/rich.json" sleep 0
sleep_in agent "$policies/rich.json" no
sleep_in all "$policies/rich.json" yes
sleep_in agent "$policies/plain.json" yes # what the kernel refuses is reported by the agent
run agent "$policies/rich.json" grep -c flicker-agent /proc/self/maps
check 'grep has the agent' [ "$(cat "$out")" -gt 0 ]
compare 'from a shell' "$policies/rich.json" sh -c 'true && echo one; sleep 0; basename /a/b; false || echo "$?"'
compare 'of a script' "$policies/rich.json" sh -c 'printf "#!/bin/echo said\\n" >s; chmod +x s; ./s twice; ./s'
finish
