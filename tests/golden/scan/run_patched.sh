#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_patched.sh PATCH_FILE: patches real programs and libraries by their plans and compares what they do with what the
# originals do. What is not installed is left out, and said so.
set -eu
patch=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# same NAME ORIGINAL PATCHED: both are commands for sh; their output and status must agree.
same() {
        (cd "$work" && timeout 60 sh -c "$2") >"$work/expected" 2>&1 && native=0 || native=$?
        (cd "$work" && timeout 60 sh -c "$3") >"$work/actual" 2>&1 && patched=0 || patched=$?
        if [ "$native" != "$patched" ] || ! cmp -s "$work/expected" "$work/actual"; then
                echo "FAILED $1: status $native natively, $patched patched"
                diff "$work/expected" "$work/actual" | head -20 || true
                failed=1
        else
                echo "ok $1 (status $native)"
        fi
}

missing() {
        echo "skipped $1: not installed"
}

busybox=$(command -v busybox || true)
if [ -n "$busybox" ]; then
        "$patch" "$busybox" "$work/busybox"
        while read -r applets; do
                case $applets in '' | '#'*) continue ;; esac
                same "busybox: $applets" "B=$busybox; $applets" "B=$work/busybox; $applets"
        done <<'APPLETS'
$B ls -la /usr/lib | $B sha1sum
$B find /usr/share/doc -name 'c*' | $B sort | $B md5sum
$B sh -c 'i=0; while [ $i -lt 200 ]; do i=$((i+1)); ($B true) ; done; echo $i; (exit 3)'
$B sh -c 'trap "echo got" USR1; kill -USR1 $$; $B sleep 0.1 & wait; echo $B >/dev/null'
$B dd if=/dev/zero bs=4096 count=1000 2>/dev/null | $B gzip | $B gunzip | $B wc -c
$B tar cf - -C /usr/share/doc . 2>/dev/null | $B tar tf - | $B wc -l
$B cat /nonexistent
$B stat -c %s /etc/passwd; $B readlink -f /proc/self/cwd; $B id; $B uname -s
$B mkdir -p d/e && $B touch d/e/f && $B mv d/e/f d/g && $B ln -s g d/h && $B ls -l d | $B wc -l; $B rm -r d
echo 'BEGIN { for (i = 0; i < 10; i++) print i * i }' | $B awk -f /dev/stdin
APPLETS
else
        missing busybox
fi

# The C library and the dynamic loader, beneath whatever is here to run on them.
loader=/lib64/ld-linux-x86-64.so.2
libc=$(ldd /bin/sh | sed -n 's/.*libc.so.6 => \([^ ]*\).*/\1/p')
if [ -n "$libc" ] && [ -e "$loader" ]; then
        mkdir "$work/lib"
        "$patch" "$libc" "$work/lib/libc.so.6"
        "$patch" "$loader" "$work/lib/loader"
        chmod +x "$work/lib/loader"
        on="$work/lib/loader --library-path $work/lib"
        same "libc: ls" "/bin/ls -la /usr/lib" "$on /bin/ls -la /usr/lib"
        same "libc: sh" "/bin/sh -c 'for i in 1 2 3 4 5 6 7 8; do (echo \$i) | cat; done; kill -9 \$\$'" \
                "$on /bin/sh -c 'for i in 1 2 3 4 5 6 7 8; do (echo \$i) | cat; done; kill -9 \$\$'"
        same "libc: sort" "sort /etc/passwd | cksum" "$on $(command -v sort) --parallel=4 /etc/passwd | cksum"
        python=$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null || true)
        if [ -n "$python" ]; then
                cat >"$work/threads.py" <<'PYTHON'
import os, queue, select, signal, socket, subprocess, tempfile, threading, time
a, b = socket.socketpair()
q = queue.Queue()
threads = [threading.Thread(target=lambda n: (time.sleep(0.01), q.put(n)), args=(n,)) for n in range(20)]
for t in threads: t.start()
for t in threads: t.join()
print(sorted(q.queue))
got = []
signal.signal(signal.SIGALRM, lambda *_: got.append("alarm"))
signal.setitimer(signal.ITIMER_REAL, 0.05)
select.select([a], [], [], 0.2); print(got)
b.sendall(b"x" * 1000); print(len(a.recv(2000, socket.MSG_WAITALL if False else 0)))
print(subprocess.run(["/bin/echo", "child"], capture_output=True).stdout)
with tempfile.TemporaryDirectory() as d:
    p = os.path.join(d, "f"); open(p, "w").write("text"); os.rename(p, p + "2"); print(os.listdir(d), os.stat(p + "2").st_size)
try: os.open("/nonexistent", os.O_RDONLY)
except OSError as e: print(e.errno)
pid = os.fork()
if pid == 0: os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
                same "libc: python3" "$python $work/threads.py" "$on $python $work/threads.py"
        else
                missing python3
        fi
else
        missing glibc
fi

if command -v musl-gcc >/dev/null; then
        cat >"$work/m.c" <<'C'
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static void *sleeper(void *unused) { (void)unused; for (;;) { struct timespec t = {0, 1000000}; nanosleep(&t, NULL); } }
static void *counter(void *n) { *(int *)n += 1; return n; }
int main(void)
{
        pthread_t s, t[8]; int n[8] = {0}, sum = 0, status; void *r;
        pthread_create(&s, NULL, sleeper, NULL);
        for (int i = 0; i < 8; i++) pthread_create(&t[i], NULL, counter, &n[i]);
        for (int i = 0; i < 8; i++) { pthread_join(t[i], &r); sum += *(int *)r; }
        pthread_cancel(s); pthread_join(s, &r);
        if (fork() == 0) _exit(5);
        wait(&status);
        printf("%d %d %d %d\n", sum, r == PTHREAD_CANCELED, WEXITSTATUS(status), access("/nonexistent", F_OK) == -1 ? errno : 0);
        return 0;
}
C
        musl-gcc -static -O2 -o "$work/m" "$work/m.c"
        "$patch" "$work/m" "$work/m.patched"
        same "musl static" "$work/m" "$work/m.patched"
        strip "$work/m"
        "$patch" "$work/m" "$work/m.patched"
        same "musl static, stripped" "$work/m" "$work/m.patched"
        gcc -static -O2 -o "$work/g" "$work/m.c"
        "$patch" "$work/g" "$work/g.patched"
        same "glibc static" "$work/g" "$work/g.patched"
else
        missing musl-gcc
fi

if command -v go >/dev/null; then
        cat >"$work/h.go" <<'GO'
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
)

func main() {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }))
	var wg sync.WaitGroup
	n := make(chan int, 64)
	for i := 0; i < 32; i++ {
		wg.Add(1)
		go func() { defer wg.Done(); r, _ := http.Get(s.URL); b, _ := io.ReadAll(r.Body); n <- len(b) }()
	}
	wg.Wait()
	out, _ := exec.Command("/bin/echo", "child").Output()
	_, err := os.Open("/nonexistent")
	fmt.Println(len(n), string(out), err)
}
GO
        export GOCACHE="$work/go-cache" GOFLAGS=-mod=mod HOME="$work"
        (cd "$work" && go build -o h h.go)
        "$patch" "$work/h" "$work/h.patched"
        same "go" "$work/h" "$work/h.patched"
else
        missing go
fi
exit $failed
