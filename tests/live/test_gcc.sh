#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gcc compiles, links, and what it made runs, under the shipped policy "build".
. "$(dirname "$0")/lib.sh"
need gcc make
build_policy=$(policy build-test <<END
{
  "flicker": 1,
  "extends": ["${FLICKER_POLICIES:?}/build.json"],
  "vars": { "DIR": "/nonexistent", "BIN": "/nonexistent" }
}
END
)
refusing=$(policy build-refusing <<END
{
  "flicker": 1,
  "extends": ["build-test.json"],
  "files": { "deny": [
    "**/private.h",
    "$DIR/program"
  ] }
}
END
)

prepare() {
        rm -rf "$DIR"
        mkdir "$DIR"
        cat >"$DIR/main.c" <<'END'
#include <stdio.h>
#include "part.h"
int main(void) { printf("%d %s\n", part(20), __FILE__); return 3; }
END
        printf 'int part(int);\n' >"$DIR/part.h"
        printf '#include "private.h"\n' >"$DIR/nosy.c"
        printf 'int secret;\n' >"$DIR/private.h"
        printf '#include "part.h"\nint part(int n) { return n * 2; }\n' >"$DIR/part.c"
        printf 'program: main.o part.o\n\t$(CC) -o $@ $^\n%%.o: %%.c part.h\n\t$(CC) -O2 -c $<\nclean:\n\trm -f *.o\n' >"$DIR/Makefile"
}

compare 'compile, link, run' "$build_policy" sh -c 'gcc -O2 -g -c main.c && gcc -O2 -c part.c && gcc -o program main.o part.o && ./program; echo $?'
compare 'with pipes' "$build_policy" sh -c 'gcc -pipe -o program main.c part.c && ./program; echo $?'
compare 'static' "$build_policy" sh -c 'gcc -static -o program main.c part.c && ./program; echo $?'
compare 'make -j2' "$build_policy" sh -c 'make -s -j2 program && ./program; make -s clean; ls'
compare 'errors' "$build_policy" sh -c 'echo "int x = ;" >bad.c; gcc -c bad.c; echo $?'
compare 'a shared library' "$build_policy" sh -c 'gcc -shared -fPIC -o libpart.so part.c && gcc -o program main.c -L. -lpart -Wl,-rpath,"$PWD" && ./program; echo $?'
for mode in $modes; do
        prepare
        run "$mode" "$refusing" gcc -c nosy.c
        equal "refused header ($mode): status" 1 "$status"
        check "refused header ($mode): message" grep -q 'private.h: Permission denied' "$err"
        explained "refused header ($mode)" "$err" "open $DIR/private.h for reading" "$(rule 'files.deny[0]' build-refusing.json)"
        prepare
        run "$mode" "$refusing" gcc -o program main.c part.c
        equal "refused output ($mode): status" 1 "$status"
        check "refused output ($mode): message" grep -q 'cannot open output file program: Permission denied' "$err"
        check "refused output ($mode): absent" [ ! -e "$DIR/program" ]
        explained "refused output ($mode)" "$err" "[a-z]+ $DIR/program.*" "$(rule 'files.deny[1]' build-refusing.json)"
done
finish
