#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# flickerctl: $1 is flicker-run, which it lies beside.
# shellcheck source=tests/live/cli/lib.sh
. "$(dirname "$0")/lib.sh"

ctl=$(dirname "$flicker_run")/flickerctl

# asks STATUS PATTERN ARGUMENTS...
asks() {
        local status=$1 pattern=$2 found
        shift 2
        "$ctl" "$@" >"$work/out" 2>&1
        found=$?
        same "status of flickerctl $*" "$status" "$found"
        grep -qE -- "$pattern" "$work/out" || fail "flickerctl $*: expected $pattern in: $(cat "$work/out")"
}

cat >"$work/web.json" <<'EOF'
{
  "flicker": 1,
  "name": "web",
  "vars": { "ROOT": "/srv/www" },
  "files": {
    "read": ["/usr", "$ROOT"],
    "exec": ["/usr/bin"],
    "deny": ["**/.git/**", "/usr/secret"],
    "hide": ["/usr/hidden"]
  },
  "network": { "bind": ["tcp:*:8080"], "connect": ["tcp:10.0.0.0/8:5432", "unix:/run/x/*"] },
  "syscalls": { "deny": ["@mount", { "name": "socket", "args": [{ "index": 0, "op": "==", "value": "AF_PACKET" }] }],
                "kill": ["kexec_load"] }
}
EOF
printf '{\n  "flicker": 1,\n  "filez": {}\n}\n' >"$work/bad.json"

asks 0 'web: OK' policy check "$work/web.json"
asks 1 'bad\.json:3:.*files' policy check "$work/bad.json"
asks 1 'nosuch' policy check nosuch
for name in base default web build; do
        asks 0 'OK' policy check "$name"
done

web=$work/web.json
asks 0 '^allowed +open /srv/www/x for reading' policy explain "$web" open /srv/www/x
asks 0 'files\.read\[1\], .*web\.json:6' policy explain "$web" open /srv/www/x
asks 1 '^denied +open /srv/www/x for writing' policy explain "$web" open /srv/www/x --write
asks 1 'no rule grants it' policy explain --write "$web" open /srv/www/x
asks 1 'files\.deny\[0\], .*web\.json:8' policy explain "$web" open /srv/www/.git/config
asks 1 '^hidden .*ENOENT' policy explain "$web" stat /usr/hidden/x
asks 0 '^allowed +stat' policy explain "$web" stat /etc/shadow
asks 0 '^allowed +exec' policy explain "$web" exec /usr/bin/env
asks 1 '^denied +mkdir' policy explain "$web" mkdir /usr/x
asks 0 '^allowed' policy explain --var ROOT=/data "$web" open /data/x
asks 0 '^allowed +bind' policy explain "$web" bind tcp:127.0.0.1:8080
asks 1 '^denied +bind' policy explain "$web" bind tcp:127.0.0.1:8081
asks 0 '^allowed +connect' policy explain "$web" connect tcp:10.1.2.3:5432
asks 1 '^denied +connect' policy explain "$web" connect 'tcp:[::1]:5432'
asks 0 '^allowed +connect' policy explain "$web" connect unix:/run/x/socket
asks 1 '^denied +connect' policy explain "$web" connect unix:@x
asks 1 'static filter' policy explain "$web" mount
asks 1 '^killed' policy explain "$web" kexec_load
asks 1 'baseline' policy explain "$web" bpf
asks 0 '^allowed' policy explain "$web" getpid
asks 2 'did you mean' policy explain "$web" getpidd
asks 2 'absolute path' policy explain "$web" open x
asks 2 'expected tcp' policy explain "$web" connect tcp:localhost:80
asks 2 'Usage' policy explain "$web"
asks 0 'files.read +/usr .*web.json:6' policy show "$web"
asks 0 'syscalls.deny +socket arg0' policy show "$web"
asks 0 'sites, ' sites /bin/true
asks 1 'ELF' sites "$work/web.json"
asks 2 'Usage' nonsense
asks 0 'Usage' --help
asks 0 'Usage' policy explain --help
asks 0 '^flickerctl [0-9]' --version
finish
