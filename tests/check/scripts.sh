#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The scripts have nothing for shellcheck to find. Skipped where it is not installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v shellcheck >/dev/null || { echo 'skipped: no shellcheck here' && exit 77; }
{
        find tests scripts -name '*.sh'
        find .ci scripts tests/bench tests/hostile -type f -perm -u+x ! -name '*.sh'
} | sort -u | while read -r file; do
        if head -n 1 "$file" | grep -qE '^#!/bin/(ba)?sh' || [ "${file%.sh}" != "$file" ]; then printf '%s\0' "$file"; fi
done | xargs -0 shellcheck -x -S warning
