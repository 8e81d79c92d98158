#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_golden.sh DUMP CC SOURCE.S EXPECTED: assembles, links to fixed addresses, compares the plan with the golden one.
# With UPDATE_GOLDEN=1 writes EXPECTED instead; review what it wrote.
set -eu
dump=$1 cc=$2 source=$3 expected=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$cc" -nostdlib -shared -Wl,-Ttext=0x1000,-Tdata=0x8000,--section-start=.rodata=0x7000,-z,max-page-size=0x1000 \
        -Wl,--build-id=none -Wa,-mrelax-relocations=no -o "$work/out" "$source"
"$dump" "$work/out" >"$work/plan"
if [ "${UPDATE_GOLDEN:-0}" = 1 ]; then
        cp "$work/plan" "$expected"
else
        diff -u "$expected" "$work/plan"
fi
