#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A database: processes that share memory, signal one another and lock files. It refuses to run as root.
. "$(dirname "$0")/lib.sh"
is_root && skip 'postgres does not run as root'
programs=$(echo /usr/lib/postgresql/*/bin)
[ -x "${programs%% *}/initdb" ] || skip 'no postgres here'
export PATH=${programs%% *}:$PATH
postgres_policy=$(policy postgres <<'END'
{
  "flicker": 1,
  "vars": { "DIR": "/nonexistent", "BIN": "/nonexistent" },
  "files": { "read": ["/etc", "/proc", "/sys"], "write": ["$DIR", "/dev"], "exec": ["/usr"], "hide": ["$DIR/hidden"] },
  "network": { "bind": ["tcp:127.0.0.1:*", "unix:$DIR/**"], "connect": ["tcp:127.0.0.1:*", "unix:$DIR/**"] }
}
END
)
# The whole life of a database, in one sandbox.
session=$(cat <<'END'
port=$1
initdb -D data -A trust -U somebody --no-sync >/dev/null || exit 3
pg_ctl -D data -w -o "-k $PWD -h 127.0.0.1 -p $port -c fsync=off" -l log start >/dev/null || exit 4
pgbench -h 127.0.0.1 -p "$port" -U somebody -i -s 1 postgres >/dev/null 2>&1 || exit 5
pgbench -h "$PWD" -p "$port" -U somebody -c 4 -j 2 -t 50 postgres 2>/dev/null | grep -E 'processed|failed'
psql -h "$PWD" -p "$port" -U somebody -At -c 'select count(*) from pgbench_history' postgres
psql -h 127.0.0.1 -p "$port" -U somebody -At -c 'select pg_cancel_backend(pg_backend_pid())' postgres 2>&1 | head -n 1
psql -h 127.0.0.1 -p "$port" -U somebody -At -c 'set statement_timeout = 50; select pg_sleep(5)' postgres 2>&1
pg_ctl -D data -w -m fast stop
END
)
port=$(free_port)
compare 'a database' "$postgres_policy" env HOME="$DIR" bash -c "$session" session "$port"
check 'it did its work' grep -q '^200$' "$work/out/expected.out"
finish
