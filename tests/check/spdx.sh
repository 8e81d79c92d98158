#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every source file names its licence within its first three lines.
set -euo pipefail
cd "$(dirname "$0")/../.."
bad=0
while read -r file; do
        head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || { echo "$file: no licence line" >&2 && bad=1; }
done < <(find proto agent broker cli tests scripts cmake -type f \
        \( -name '*.[chS]' -o -name '*.lds' -o -name '*.def' -o -name '*.sh' -o -name '*.go' -o -name CMakeLists.txt -o -name '*.cmake' \))
exit $bad
