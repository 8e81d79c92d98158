#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Python's own HTTP server, and Python's view of refusals.
. "$(dirname "$0")/lib.sh"
[ -x /usr/bin/python3 ] || skip 'no python3 here'
need curl

prepare() {
        rm -rf "$DIR"
        mkdir -p "$DIR/www/sub" "$DIR/secret" "$DIR/hidden"
        echo "hello from python" >"$DIR/www/small.txt"
        seq 200000 >"$DIR/www/sub/large.txt"
        echo no >"$DIR/www/forbidden.html"
        echo no >"$DIR/secret/file"
        echo no >"$DIR/hidden/file"
}

requests() {
        local url=http://127.0.0.1:$port
        fetch "$url/small.txt"
        fetch "$url/sub/large.txt" | cksum
        fetch "$url/" | grep -o 'href="[^"]*"'
        for path in small.txt sub absent ../secret/file forbidden.html; do
                printf '%s %s\n' "$path" "$(status_of --path-as-is "$url/$path")"
        done
}

session() {
        port=$(free_port)
        prepare
        serve "$1" "$2" /usr/bin/python3 -m http.server "$port" --bind 127.0.0.1 --directory "$DIR/www"
        if ! up "$port"; then
                fail "$1: the server does not come up"
                head -n 20 "$err"
                end_server KILL
                return 1
        fi
        requests >"$work/out/$1.requests" 2>&1
        end_server TERM
        equal "$1: ends by SIGTERM" 143 "$status"
}

session native "$policies/plain.json" || finish
sed 's/^forbidden.html 200/forbidden.html 404/' "$work/out/native.requests" >"$work/out/expected-refused"
for mode in $modes; do
        session "$mode" "$policies/plain.json" && {
                same "$mode: what clients see" "$work/out/native.requests" "$work/out/$mode.requests"
                # Where /etc/hosts does not know 127.0.0.1, Python asks a name server.
                grep -av 'denied  socket udp' "$err" >"$work/out/refusals"
                check "$mode: nothing is refused" silent "$work/out/refusals"
        }
        session "$mode" "$policies/rich.json" && {
                same "$mode: what clients see of what is refused" "$work/out/expected-refused" "$work/out/$mode.requests"
                explained "$mode" "$err" "open $DIR/www/forbidden.html for reading" "$(rule 'files.deny[1]' rich.json)"
        }
done

no_network=$(policy no-network <<'END'
{
  "flicker": 1,
  "vars": { "DIR": "/nonexistent", "BIN": "/nonexistent" },
  "files": { "read": ["/etc", "/proc", "/sys"], "exec": ["/usr"], "write": ["/dev", "$DIR"] },
  "network": {
    "bind": ["tcp:127.0.0.2:*"],
    "deny": ["tcp:127.0.0.9:*"]
  }
}
END
)
for mode in $modes; do
        prepare
        run "$mode" "$no_network" /usr/bin/python3 -c '
import errno, socket, os
def attempt(name, f):
    try:
        print(name, f() and "ok" or "ok")
    except OSError as e:
        print(name, errno.errorcode[e.errno])
s = socket.socket()
attempt("bind", lambda: s.bind(("127.0.0.1", 0)))
attempt("bind denied", lambda: s.bind(("127.0.0.9", 0)))
attempt("bind granted", lambda: s.bind(("127.0.0.2", 0)))
attempt("listen", lambda: s.listen())
attempt("connect", lambda: socket.socket().connect(s.getsockname()))
attempt("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
attempt("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt("pair", lambda: socket.socketpair())
'
        equal "network ($mode)" "bind EACCES bind denied EACCES bind granted ok listen ok connect EACCES" \
                "$(head -n 5 "$out" | tr '\n' ' ' | sed 's/ $//')"
        check "network ($mode): pair" grep -q 'pair ok' "$out"
        check "network ($mode): udp refused" grep -Eq 'udp E(ACCES|PERM|AFNOSUPPORT)' "$out"
        check "network ($mode): packet refused" grep -Eq 'packet E(ACCES|PERM|AFNOSUPPORT)' "$out"
        explained "network bind ($mode)" "$err" 'bind tcp 127.0.0.1:0' "$no_rule"
        explained "network deny ($mode)" "$err" 'bind tcp 127.0.0.9:0' "$(rule 'network.deny[0]' no-network.json)"
        explained "network connect ($mode)" "$err" 'connect tcp 127.0.0.2:[0-9]+' "$no_rule"
done
finish
