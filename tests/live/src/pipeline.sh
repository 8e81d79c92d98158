#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What shell scripts do all day; every line of output is the same in every run.
echo one >a
echo two >>a
cat <a | tr a-z A-Z | sort -r | tee b | wc -l
cat <<END
here $(cat b | head -n 1)
END
(exit 3)
echo "status $?"
sleep 0.05 &
wait $!
echo "background $?"
for i in 1 2 3; do echo $i; done | while read -r x; do echo "got $x"; done
exec 3>c
echo three >&3
exec 3>&-
cat c
exec 4<a
read -r line <&4
echo "$line"
exec 4<&-
echo x >/dev/null
cat /dev/fd/0 <a
cat /dev/stdin <b
mkfifo pipe
echo "through a pipe" >pipe &
cat pipe
wait
sh -c 'kill -TERM $$'
echo "killed $?"
trap 'echo trapped' USR1
kill -USR1 $$
(
        set -C
        : >a
) 2>/dev/null
echo "noclobber $?"
test -r a && test ! -e absent && echo tests
cp -a a d && mv d e && ln -s a l && readlink l
touch -d '2001-02-03 04:05:06' e && stat -c '%Y %a' e
chmod 640 e && stat -c '%a %s' e
mkdir -p x/y/z && (cd x/y && pwd | sed 's/.*x/x/' && echo deep >z/f) && cat x/y/z/f
find . -name f
printf 'p\nq\n' | xargs -n 1 echo arg
awk 'END { print NR }' a
grep -c o a
sed -i s/one/uno/ a && cat a
rm -r x e l && ls | sort
cat absent 2>&1
./absent 2>/dev/null
echo "absent $?"
./a 2>/dev/null
echo "not executable $?"
echo "$0" | sed 's/.*\///' >/dev/null
( : | (sleep 0.02; exit 7) ; echo "pipe status $?" )
env -i /bin/sh -c 'echo "empty environment"'
dd if=/dev/zero bs=1024 count=100 2>/dev/null | cksum
yes 2>/dev/null | head -n 2
exit 5
