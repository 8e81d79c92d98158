#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Refusals: the same in every mode, with the errno that a person expects, and explained.
. "$(dirname "$0")/lib.sh"
modes="agent noagent all all-noagent"

prepare() {
        rm -rf "$DIR"
        mkdir -p "$DIR/secret" "$DIR/hidden" "$DIR/open"
        for at in secret hidden open; do echo content >"$DIR/$at/file"; done
        echo content >"$DIR/forbidden.txt"
        ln -s secret/file "$DIR/to-secret"
        ln -s hidden/file "$DIR/to-hidden"
}

# try WHAT EXPECTED OPERATION RULE SHELL-COMMAND: EXPECTED is a word of the error message, or "-".
try() {
        local mode
        for mode in $modes; do
                prepare
                run "$mode" "$policies/rich.json" sh -c "$5"
                check "$1 ($mode) fails" [ "$status" != 0 ]
                [ "$2" = - ] || check "$1 ($mode): $2" grep -aq "$2" "$err"
                [ "$3" = - ] || explained "$1 ($mode)" "$err" "$3" "$4"
        done
}

deny=$(rule 'files.deny[0]' rich.json)
deny_glob=$(rule 'files.deny[1]' rich.json)
hide=$(rule 'files.hide[0]' rich.json)
absent='No such file or directory'
refused='Permission denied'

try 'reading what is denied' "$refused" "open $DIR/secret/file for reading" "$deny" 'cat secret/file'
try 'by a symbolic link' "$refused" "open $DIR/secret/file for reading" "$deny" 'cat to-secret'
try 'by /proc/self/cwd' "$refused" "open $DIR/secret/file for reading" "$deny" 'cat /proc/self/cwd/secret/file'
try 'by ..' "$refused" "open $DIR/secret/file for reading" "$deny" 'cat open/../secret/file'
try 'by a glob' "$refused" "open $DIR/forbidden.txt for reading" "$deny_glob" 'cat forbidden.txt'
try 'writing what is denied' "$refused" "open $DIR/secret/file for writing" "$deny" 'exec echo x >secret/file'
try 'creating beneath it' "$refused" "[a-z]+ $DIR/secret/new.*" "$deny" 'exec echo x >secret/new'
try 'creating by a glob' "$refused" "[a-z]+ $DIR/open/forbidden-too.*" "$deny_glob" 'exec echo x >open/forbidden-too'
try 'mkdir' "$refused" "[a-z]+ $DIR/secret/new.*" "$deny" 'mkdir secret/new'
try 'unlink' "$refused" "[a-z]+ $DIR/secret/file.*" "$deny" 'unlink secret/file'
try 'rename into it' "$refused" "[a-z]+ .*" "$deny" 'mv open/file secret/moved'
try 'rename out of it' "$refused" "[a-z]+ $DIR/secret/file.*" "$deny" 'exec mv -T secret/file open/moved'
try 'hard link out of it' "$refused" "[a-z]+ .*" "$deny" 'ln secret/file open/linked'
try 'chmod' "$refused" "[a-z]+ $DIR/secret/file.*" "$deny" 'chmod 777 secret/file'
try 'touch' "$refused" "[a-z]+ $DIR/secret/file.*" "$deny" 'touch secret/file'
try 'truncate' "$refused" "[a-z]+ $DIR/secret/file.*" "$deny" 'truncate -s 0 secret/file'
try 'listing' "$refused" "[a-z]+ $DIR/secret .*" "$deny" 'ls secret'
try 'reading what is not granted' "$refused" "open /root/.profile for reading|open /var/lib/dpkg/status for reading" "$no_rule" \
        'cat /var/lib/dpkg/status'
try 'writing what may be read' "$refused" "[a-z]+ /etc/flicker-test.*" "$no_rule" 'exec echo x >/etc/flicker-test'
try 'reading what is hidden' "$absent" "open $DIR/hidden/file" "$hide" 'cat hidden/file'
try 'by a link to it' "$absent" "open $DIR/hidden/file" "$hide" 'cat to-hidden'
try 'stat of what is hidden' "$absent" - - 'stat hidden/file'
try 'stat of the hidden directory' "$absent" - - 'stat hidden'
try 'creating a hidden name' "$absent" - - 'touch hidden/new'
try 'changing into it' - - - 'cd hidden'

for mode in $modes; do
        prepare
        run "$mode" "$policies/rich.json" stat -c %s secret/file
        equal "stat of what is denied is allowed ($mode)" 8 "$(cat "$out")"
        run "$mode" "$policies/rich.json" ls
        check "hidden names are not listed ($mode)" [ "$(grep -c '^hidden$' "$out")" = 0 ]
        run "$mode" "$policies/rich.json" cat open/file secret/file secret/file
        equal "summary ($mode): status" 1 "$status"
        equal "the rest is served ($mode)" content "$(cat "$out")"
        check "summary ($mode)" grep -aEq '^flicker: [12] operations? denied$' "$err"
        run "$mode" "$policies/plain.json" cat /var/lib/dpkg/status
        equal "kernel tier ($mode): status" 1 "$status"
        explained "kernel tier ($mode)" "$err" 'open /var/lib/dpkg/status for reading' "$no_rule"
done
finish
