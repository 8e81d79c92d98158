#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A browser: many processes and threads, a JIT, shared memory, messages with descriptors and credentials. Without the agent its
# zygote asks who sends (SO_PASSCRED), and a broker may name its child as root only. The rest as an ordinary user only, for time.
. "$(dirname "$0")/lib.sh"
if is_root; then modes=noagent; else modes=${modes/noagent/}; fi
need chromium
chromium_policy=$(policy chromium <<'END'
{
  "flicker": 1,
  "vars": { "DIR": "/nonexistent", "BIN": "/nonexistent" },
  "files": { "read": ["/"], "write": ["$DIR", "/dev", "/proc/self"], "exec": ["/usr"] },
  "network": { "bind": ["tcp:127.0.0.1:*", "udp:*:*", "unix:$DIR/**"], "connect": ["tcp:127.0.0.1:*", "udp:*:*", "unix:$DIR/**"] }
}
END
)
prepare() {
        rm -rf "$DIR"
        mkdir "$DIR"
        cat >"$DIR/page.html" <<'END'
<html><body><p id="p">no script</p><script>
let sum = 0;
for (let i = 0; i < 1000000; i++) sum += i % 7;
document.getElementById("p").textContent = "the sum is " + sum;
</script></body></html>
END
}
browse() {
        run "$1" "$chromium_policy" env HOME="$DIR" TMPDIR="$DIR" XDG_CACHE_HOME="$DIR" XDG_RUNTIME_DIR="$DIR" chromium --headless \
                --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$DIR/profile" --dump-dom "file://$DIR/page.html"
}
prepare
browse native
equal 'native: status' 0 "$status"
check 'native: the script ran' grep -q 'the sum is 2999997' "$out"
cp "$out" "$work/out/expected.out"
for mode in $modes; do
        prepare
        browse "$mode"
        equal "$mode: status" 0 "$status"
        same "$mode: output" "$work/out/expected.out" "$out"
done
finish
