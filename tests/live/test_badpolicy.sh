#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Policies that are no policies: status 125, a message with a position, and nothing runs.
. "$(dirname "$0")/lib.sh"
options=()

# rejects WHAT FILE [EXPECTED]: flicker says so and the program does not run.
rejects() {
        rm -f "$DIR/ran"
        run agent "$2" touch "$DIR/ran"
        equal "$1: status" 125 "$status"
        check "$1: nothing ran" [ ! -e "$DIR/ran" ]
        check "$1: a message" grep -aq '^flicker: ' "$err"
        check "$1: only flicker speaks" [ -z "$(program_errors "$err")" ]
        check "$1: a short one" [ "$(wc -c <"$err")" -lt 2000 ]
        [ -z "${3:-}" ] || check "$1: says '$3'" grep -aEq "$3" "$err"
}

bad() {
        local what=$1 expected=$2
        cat >"$work/bad.json"
        rejects "$what" "$work/bad.json" "$expected"
}

head='"flicker": 1, "vars": { "DIR": "/nonexistent", "BIN": "/nonexistent" }'
bad 'empty' 'bad.json' </dev/null
echo '{' | bad 'unfinished' 'bad.json:[0-9]+'
echo "{ $head }x" | bad 'something behind it' 'bad.json:1:'
echo "{ $head, \"fils\": {} }" | bad 'unknown key' 'bad.json:1:[0-9]+.*fils'
echo "{ $head, \"fils\": {} }" | bad 'unknown key: a hint' 'did you mean.*files'
echo "{ $head, \"files\": {}, \"files\": {} }" | bad 'duplicate key' 'bad.json:1:[0-9]+.*files'
echo "{ $head, \"files\": [] }" | bad 'wrong type' 'bad.json:1:[0-9]+'
echo "{ $head, \"files\": { \"read\": [7] } }" | bad 'wrong type inside' 'bad.json:1:[0-9]+'
echo "{ $head, \"files\": { \"read\": [\"relative/path\"] } }" | bad 'relative path' 'bad.json:1:[0-9]+.*relative'
echo "{ $head, \"files\": { \"read\": [\"\$NOWHERE/x\"] } }" | bad 'undefined variable' 'NOWHERE'
echo "{ $head, \"syscalls\": { \"deny\": [\"opne\"] } }" | bad 'unknown syscall' 'opne.*did you mean'
echo "{ $head, \"network\": { \"bind\": [\"tcp:*:99999\"] } }" | bad 'port' 'bad.json:1:[0-9]+'
echo "{ $head, \"network\": { \"bind\": [\"tcp:1.2.3.4/40:1\"] } }" | bad 'prefix' 'bad.json:1:[0-9]+'
echo "{ $head, \"network\": { \"bind\": [\"nonsense\"] } }" | bad 'address' 'bad.json:1:[0-9]+'
echo '{ "flicker": 2 }' | bad 'version' 'bad.json:1:'
echo '{ }' | bad 'no version' 'bad.json'
echo '[]' | bad 'an array' 'bad.json:1:'
echo 'null' | bad 'null' 'bad.json:1:'
echo "{ $head, \"extends\": [\"./absent.json\"] }" | bad 'absent parent' 'absent'
echo "{ $head, \"extends\": [\"bad.json\"] }" | bad 'extends itself' 'bad.json'
echo "{ $head, \"name\": \"a" | bad 'unfinished string' 'bad.json:1:'
echo "{ $head, \"name\": \"\\u00zz\" }" | bad 'bad escape' 'bad.json:1:'
printf '{ %s, "name": "\377\376" }' "$head" | bad 'not UTF-8' 'bad.json:1:[0-9]+'
printf '{ %s, "name": "a\0b" }' "$head" | bad 'a NUL byte' 'bad.json:1:'
printf '{ %s, "files": { "read": ["/a\\u0000b"] } }' "$head" | bad 'a NUL escape in a path' 'bad.json:1:'
printf '{ %s, /* never ends' "$head" | bad 'unfinished comment' 'bad.json:1:'
{ printf '{ %s, "x": ' "$head"; head -c 200000 /dev/zero | tr '\0' '['; } | bad 'deep' 'bad.json'
{ printf '{ %s, "x": ' "$head"; for _ in $(seq 2000); do printf '{"a":'; done; } | bad 'deep objects' 'bad.json'
{ printf '{ %s, "name": "' "$head"; head -c 200000000 /dev/zero | tr '\0' 'a'; printf '" }'; } | bad 'huge' 'bad.json'
head -c 100000 /dev/urandom | bad 'noise' 'bad.json'
printf '\177ELF' | bad 'binary' 'bad.json:1:'

# Many rules are no error.
{
        printf '{ %s, "files": { "exec": ["/usr"], "write": ["$DIR", "/dev"], "read": ["/etc"' "$head"
        for i in $(seq 20000); do printf ', "/srv/some/where/%d"' "$i"; done
        printf '] } }'
} >"$work/many.json"
run agent "$work/many.json" echo fine
equal 'twenty thousand rules: status' 0 "$status"
equal 'twenty thousand rules: output' fine "$(cat "$out")"

rejects 'absent' "$work/absent.json" 'absent.json'
mkdir "$work/directory.json"
rejects 'a directory' "$work/directory.json" 'directory.json'
rejects 'an unknown name' no-such-policy-anywhere 'no-such-policy-anywhere'
mkfifo "$work/fifo.json"
limit=10
rejects 'a FIFO' "$work/fifo.json" 'fifo.json'
rejects 'endless' /dev/zero '/dev/zero'
ln -s loop.json "$work/loop.json"
rejects 'a loop' "$work/loop.json" 'loop.json'
if ! is_root; then
        echo '{ "flicker": 1 }' >"$work/unreadable.json"
        chmod 000 "$work/unreadable.json"
        rejects 'unreadable' "$work/unreadable.json" 'unreadable.json'
fi
finish
