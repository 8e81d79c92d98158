#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Links that the broker has followed before: changed, gone, become something else, hidden. As root, whose old links it
# knows again.
. "$(dirname "$0")/lib.sh"
hides=$(policy hides <<'END'
{ "flicker": 1,
  "vars": { "DIR": "/nonexistent", "BIN": "/nonexistent" },
  "files": { "read": ["/etc", "/proc"], "exec": ["/usr"], "write": ["$DIR", "/dev"], "hide": ["$DIR/secret/**"] },
  "network": { "connect": ["unix:/run/**"] } }
END
)
script=$(cat <<'END'
say() { printf '%s: ' "$1"; shift; "$@" 2>&1 | sed "s,$PWD,DIR,g"; }
twice() { say "$1" cat "$PWD/$2"; say "$1 again" cat "$PWD/$2"; }
mkdir a b
echo a >a/file; echo b >b/file
ln -s a link; ln -s link/file chain; ln -s "$PWD/b" absolute; ln -s nowhere dangling
sleep 3.5 # old enough to be known again
twice first link/file
twice chain chain
twice absolute absolute/file
twice dangling dangling
echo made >"$PWD/dangling"
say 'made through it' cat nowhere
twice 'as a file' link
ln -sfn b link
twice changed link/file
twice 'changed chain' chain
rm link
twice gone link/file
mkdir link; echo c >link/file
twice directory link/file
mv link was; ln -s was link
twice 'young one' link/file
mv a z; ln -s b a
twice 'by a link' a/file
say 'link itself' readlink "$PWD/absolute"
say 'with slash' ls -d "$PWD/absolute/"
END
)
compare 'links' "$hides" /bin/bash -c "$script"
compare 'links, nothing hidden' "$policies/rich.json" /bin/bash -c "$script"
prepare() {
        rm -rf "$DIR"
        mkdir -p "$DIR/secret" "$DIR/open"
        echo text >"$DIR/open/file"
        ln -s "$DIR/open" "$DIR/secret/link"
        ln -s secret/link "$DIR/way"
        sleep 3.5
}
for mode in $modes; do
        prepare
        # shellcheck disable=SC2016
        run "$mode" "$hides" /bin/bash -c 'for i in 1 2 3; do cat "$0/secret/link/file" "$0/way/file" "$0/open/file"; done' "$DIR"
        equal "hidden links lead nowhere ($mode)" 'text text text' "$(paste -sd ' ' "$out")"
        equal "and are not there ($mode)" 6 "$(grep -c 'No such file' "$err")"
done
finish
