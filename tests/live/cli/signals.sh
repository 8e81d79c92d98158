#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A signal to flicker-run reaches the program, once.
# shellcheck source=tests/live/cli/lib.sh
. "$(dirname "$0")/lib.sh"

cat >"$work/count.py" <<'EOF'
import os, signal, sys, time
seen = open(sys.argv[1] + "/seen", "w", buffering=1)
names = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT,
         signal.SIGCONT, signal.SIGALRM, signal.SIGWINCH, signal.SIGRTMIN + 3]
for number in names:
    signal.signal(number, lambda n, f: seen.write("%d\n" % n))
open(sys.argv[1] + "/ready", "w").write(str(os.getpid()))
end = time.time() + 20
while time.time() < end and not os.path.exists(sys.argv[1] + "/stop"):
    time.sleep(0.02)
EOF

start() {
        rm -rf "$work/run"
        mkdir "$work/run"
        set -m
        "$@" "${flicker[@]}" python3 "$work/count.py" "$work/run" 2>"$work/err" &
        broker=$!
        set +m
        soon "the program does not start: $(cat "$work/err")" test -s "$work/run/ready"
}

more_than() {
        [ "$(wc -l <"$work/run/seen")" -gt "$1" ]
}

stop() {
        touch "$work/run/stop"
        wait "$broker"
        same "status" 0 $?
}

start env
for signal in INT TERM HUP USR1 USR2 QUIT CONT ALRM WINCH 37; do
        for target in "$broker" "-$broker"; do
                before=$(wc -l <"$work/run/seen")
                kill -s "$signal" -- "$target"
                soon "SIG$signal to $target does not arrive" more_than "$before"
                sleep 0.1
                same "SIG$signal to $target arrives so often" 1 $(($(wc -l <"$work/run/seen") - before))
        done
done
stop

# Dispositions are inherited: nohup.
cat >"$work/hup.sh" <<'EOF'
#!/bin/bash
kill -HUP $$
sleep 0.1
exit 5
EOF
chmod +x "$work/hup.sh"
nohup "${flicker[@]}" "$work/hup.sh" >/dev/null 2>&1
same "nohup" 5 $?
"${flicker[@]}" "$work/hup.sh"
same "no nohup" 129 $?

# Signal masks and an ignored SIGCHLD too.
native=$(python3 -c 'import os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
os.execvp("grep", ["grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"])')
sandboxed=$(python3 -c 'import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
os.execvp(sys.argv[1], sys.argv[1:])' "${flicker[@]}" grep -E '^Sig(Blk|Ign):' /proc/self/status)
same "mask and dispositions" "$native" "$sandboxed"
finish
