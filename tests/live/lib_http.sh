# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The life of a small file server, the array `program` (arguments: PORT DIRECTORY), in every mode.
prepare_http() {
        rm -rf "$DIR"
        mkdir -p "$DIR/www/sub" "$DIR/secret"
        echo "hello" >"$DIR/www/small.txt"
        seq 100000 >"$DIR/www/sub/large.txt"
        echo no >"$DIR/www/forbidden.html"
}

prepare() { prepare_http; }

requests() {
        local url=http://127.0.0.1:$port i
        fetch "$url/small.txt"
        fetch "$url/sub/large.txt" | cksum
        for path in small.txt absent sub/large.txt forbidden.html; do
                printf '%s %s\n' "$path" "$(status_of --path-as-is "$url/$path")"
        done
        local clients=()
        for i in 1 2 3 4 5 6 7 8; do
                (for _ in 1 2 3 4 5; do fetch "$url/sub/large.txt" | cksum; done >"$work/out/client.$i") &
                clients+=($!)
        done
        wait "${clients[@]}"
        sort "$work"/out/client.? | uniq -c | sed 's/^ *//'
}

session() {
        port=$(free_port)
        prepare
        serve "$1" "$2" "${program[@]}" "$port" "$DIR/www"
        if ! up "$port"; then
                fail "$1: the server does not come up"
                head -n 20 "$err" "$out"
                end_server KILL
                return 1
        fi
        requests >"$work/out/$1.requests" 2>&1
        end_server TERM
        cat "$out" >>"$work/out/$1.requests"
        equal "$1: ends by SIGTERM" 0 "$status"
}

# All of it: plain grants, a refused file, a refused port.
lives() {
        local mode
        session native "$policies/plain.json" || return
        sed 's/^forbidden.html 200/forbidden.html 403/' "$work/out/native.requests" >"$work/out/expected-refused"
        for mode in $modes; do
                session "$mode" "$policies/plain.json" && {
                        same "$mode: what clients see" "$work/out/native.requests" "$work/out/$mode.requests"
                        check "$mode: nothing is refused" silent "$err"
                }
                session "$mode" "$policies/rich.json" && {
                        same "$mode: what clients see of what is refused" "$work/out/expected-refused" "$work/out/$mode.requests"
                        explained "$mode" "$err" "open $DIR/www/forbidden.html for reading" "$(rule 'files.deny[1]' rich.json)"
                }
        done
        refused_port
}

refused_port() {
        local mode no_bind limit=20
        no_bind=$(policy no-bind <<'END'
{
  "flicker": 1,
  "vars": { "DIR": "/nonexistent", "BIN": "/nonexistent" },
  "files": { "read": ["/etc", "/proc", "/sys"], "exec": ["/usr", "$BIN"], "write": ["/dev", "$DIR"] },
  "network": { "connect": ["tcp:*:*"] }
}
END
        )
        for mode in $modes; do
                port=$(free_port)
                prepare
                run "$mode" "$no_bind" "${program[@]}" "$port" "$DIR/www"
                equal "$mode: bind refused: status" 1 "$status"
                check "$mode: bind refused: message" grep -aiq 'permission denied' "$out" "$err"
                explained "$mode: bind refused" "$err" "bind tcp 127.0.0.1:$port" "$no_rule"
        done
}
