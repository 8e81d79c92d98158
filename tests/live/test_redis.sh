#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# redis-server with redis-benchmark and redis-cli, saving to disk by fork.
. "$(dirname "$0")/lib.sh"
need redis-server redis-benchmark redis-cli

cli() { timeout 20 redis-cli -h 127.0.0.1 -p "$port" "$@"; }

requests() {
        cli ping
        cli set key value
        cli get key
        cli rpush list a b c
        cli lrange list 0 -1
        cli save 2>&1 | cut -c 1-60
        cli bgsave
        await 20 saved && cli info persistence | grep -o 'rdb_last_bgsave_status:[a-z]*'
        cli config get maxclients
}
saved() { cli info persistence | grep -q 'rdb_bgsave_in_progress:0'; }

session() {
        port=$(free_port)
        prepare
        serve "$1" "$2" redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$DIR" \
                --dbfilename "$3" --unixsocket "$DIR/redis.sock" --logfile "$DIR/log" --maxclients 100
        if ! up "$port"; then
                fail "$1: redis does not come up"
                head -n 20 "$err" "$DIR/log"
                end_server KILL
                return 1
        fi
        requests >"$work/out/$1.requests" 2>&1
        timeout 60 redis-benchmark -h 127.0.0.1 -p "$port" -q -n 2000 -c 10 -P 2 -t set,get,lpush \
                </dev/null >"$work/out/$1.bench" 2>&1
        equal "$1: benchmark" 0 "$?"
        equal "$1: benchmark's lines" 3 "$(tr '\r' '\n' <"$work/out/$1.bench" | grep -c 'requests per second')"
        equal "$1: by unix socket" PONG "$(timeout 20 redis-cli -s "$DIR/redis.sock" ping 2>&1)"
        timeout 20 redis-cli -h 127.0.0.1 -p "$port" shutdown nosave >/dev/null 2>&1
        end_server CONT
        equal "$1: ends by command" 0 "$status"
}

session native "$policies/plain.json" dump.rdb || finish
for mode in $modes; do
        session "$mode" "$policies/plain.json" dump.rdb && {
                same "$mode: what clients see" "$work/out/native.requests" "$work/out/$mode.requests"
                check "$mode: nothing is refused" silent "$err"
                check "$mode: saved" [ -s "$DIR/dump.rdb" ]
        }
        session "$mode" "$policies/rich.json" dump.rdb &&
                same "$mode: brokered" "$work/out/native.requests" "$work/out/$mode.requests"
done

refusing=$(policy refusing <<END
{
  "flicker": 1,
  "extends": ["$policies/plain.json"],
  "files": { "deny": [
    "$DIR/temp-*.rdb"
  ] }
}
END
)
for mode in $modes; do
        session "$mode" "$refusing" dump.rdb && {
                check "$mode: refused to save" grep -q '^ERR' "$work/out/$mode.requests"
                check "$mode: bgsave fails" grep -q 'rdb_last_bgsave_status:err' "$work/out/$mode.requests"
                check "$mode: errno" grep -q 'Failed opening the temp RDB file.*Permission denied' "$DIR/log"
                explained "$mode" "$err" "[a-z]+ $DIR/temp-[0-9]+.rdb.*" "$(rule 'files.deny[0]' refusing.json)"
        }
done
finish
