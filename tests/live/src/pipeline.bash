#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What only bash has.
seq 3 >a
diff <(sort a) <(sort -r a) | head -n 3
cat < <(echo substituted)
mapfile -t lines <a
echo "${#lines[@]} ${lines[*]}"
cat <<<"here string"
coproc cat
echo through >&"${COPROC[1]}"
read -r line <&"${COPROC[0]}"
echo "$line"
exec {COPROC[1]}>&-
wait
echo tee | tee >(cat >copy) >/dev/null
until [ -s copy ]; do sleep 0.01; done
cat copy
set -o pipefail
false | true
echo "pipefail $?"
for i in 1 2 3 4; do (sleep 0.0$i; echo "$i" >>order) & done
wait
sort order | tr '\n' ' '
echo
sleep 100 &
kill $!
wait $! 2>/dev/null
echo "job $?"
ulimit -n 32
cat a | cat | cat
