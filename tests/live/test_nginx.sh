#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nginx, master and workers, under the shipped policy "web": as root with workers of another user, and as
# an ordinary user.
. "$(dirname "$0")/lib.sh"
need nginx curl wrk
web=${FLICKER_POLICIES:?}/web.json
ROOT=$DIR/www

prepare() {
        rm -rf "$DIR"
        mkdir -p "$ROOT/private" "$ROOT/secret" "$DIR/tmp" "$DIR/log"
        chmod 755 "$work" "$DIR"
        echo "hello from nginx" >"$ROOT/small.txt"
        head -c 3000000 /dev/zero | tr '\0' 'x' >"$ROOT/large.bin"
        echo "only for root" >"$ROOT/private/file"
        chmod 000 "$ROOT/private/file"
        echo "refused by policy" >"$ROOT/secret/file"
        local user=''
        if is_root; then
                user='user www-data;'
                chown -R www-data "$DIR/tmp" "$DIR/log"
        fi
        cat >"$DIR/nginx.conf" <<END
daemon off;
$user
worker_processes 2;
pid $DIR/nginx.pid;
error_log $DIR/log/error.log;
events { worker_connections 64; }
http {
        access_log $DIR/log/access.log;
        client_body_temp_path $DIR/tmp/body;
        proxy_temp_path $DIR/tmp/proxy;
        fastcgi_temp_path $DIR/tmp/fastcgi;
        uwsgi_temp_path $DIR/tmp/uwsgi;
        scgi_temp_path $DIR/tmp/scgi;
        include /etc/nginx/mime.types;
        sendfile on;
        server {
                listen 127.0.0.1:$port;
                root $ROOT;
                autoindex on;
        }
}
END
}

requests() {
        local url=http://127.0.0.1:$port
        fetch "$url/small.txt"
        fetch "$url/large.bin" | cksum
        fetch -r 100-199 "$url/large.bin" | cksum
        fetch "$url/" | grep -o 'href="[^"]*"'
        for path in small.txt absent private/file secret secret/file '../../etc/passwd' 'a%00b'; do
                printf '%s %s\n' "$path" "$(status_of --path-as-is "$url/$path")"
        done
        printf 'head %s\n' "$(status_of -I "$url/small.txt")"
        printf 'post %s\n' "$(status_of -d x "$url/small.txt")"
}

# session MODE POLICY: one life of the server; $work/out/MODE.requests has what clients saw.
session() {
        local mode=$1
        port=$(free_port)
        prepare
        serve "$mode" "$2" nginx -e "$DIR/log/error.log" -p "$DIR" -c "$DIR/nginx.conf"
        if ! up "$port"; then
                fail "$mode: nginx does not come up"
                head -n 20 "$err" "$DIR/log/error.log"
                end_server KILL
                return 1
        fi
        requests >"$work/out/$mode.requests" 2>&1
        wrk -t 1 -c 8 -d 1s "http://127.0.0.1:$port/small.txt" >"$work/out/$mode.wrk" 2>&1
        check "$mode: wrk was served" grep -q 'Requests/sec' "$work/out/$mode.wrk"
        check "$mode: no failed requests" no_failures "$work/out/$mode.wrk"
        kill -HUP "$(cat "$DIR/nginx.pid")"
        check "$mode: serves after reload" await 10 serves_again
        equal "$mode: workers" "$(is_root && echo www-data || id -un)" "$(worker_user)"
        end_server QUIT
        equal "$mode: ends by SIGQUIT" 0 "$status"
        check "$mode: removes its pid file" [ ! -e "$DIR/nginx.pid" ]
}

no_failures() { ! grep -Eq 'Socket errors: connect [1-9]|Non-2xx' "$1"; }
serves_again() { [ "$(status_of "http://127.0.0.1:$port/small.txt")" = 200 ]; }
worker_user() {
        ps -o user:20= --ppid "$(cat "$DIR/nginx.pid")" | sort -u | tr -d ' '
}

web_test=$(policy web-test <<END
{
  "flicker": 1,
  "name": "web-test",
  "extends": ["$web"],
  "vars": { "ROOT": "$ROOT", "DIR": "/nonexistent", "BIN": "/nonexistent" },
  "files": { "write": ["$DIR/log", "$DIR/tmp", "$DIR/nginx.pid"], "read": ["$DIR"] },
  "network": { "bind": ["tcp:127.0.0.1:*"] },
  "audit": { "log": "denied" }
}
END
)
refusing=$(policy web-refusing <<END
{
  "flicker": 1,
  "extends": ["web-test.json"],
  "files": {
    "deny": ["$ROOT/secret/file"]
  }
}
END
)
options=()
session native "$web_test" || finish
sed 's/^secret\/file 200/secret\/file 403/' "$work/out/native.requests" >"$work/out/expected-refused"
for mode in $modes; do
        session "$mode" "$web_test" && {
                same "$mode: what clients see" "$work/out/native.requests" "$work/out/$mode.requests"
                check "$mode: nothing is refused" silent "$err"
        }
        session "$mode" "$refusing" && {
                same "$mode: what clients see of what is refused" "$work/out/expected-refused" "$work/out/$mode.requests"
                explained "$mode" "$err" "open $ROOT/secret/file for reading" "$(rule 'files.deny[0]' web-refusing.json)"
        }
done
finish
