#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Refuses an include that the table of docs/ARCHITECTURE.md ("Where things live") forbids, a library used
# outside its one door, and a header that does not compile alone.
#
#   tests/check/layers.sh [ROOT]       checks the tree (default: the one this script is in)
#   tests/check/layers.sh --self-test  shows that each kind of violation is found
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# may_include FOLDER: leaves in $allowed what its files may include, as an extended regular expression on the included
# path. Nothing here or below starts a process for each line: there are thousands.
may_include() {
        case $1 in
        proto) allowed='proto/' ;;
        agent | agent/*) allowed='(proto|agent)/' ;;
        broker/base) allowed='broker/base/' ;;
        broker/policy) allowed='broker/(base|policy)/' ;;
        broker/plan) allowed='(proto|broker/base|broker/plan)/' ;;
        broker/plan/scan | broker/plan/scan/*) allowed='(proto|broker/base|broker/plan)/' ;;
        broker/intake) allowed='(proto/|broker/base/|broker/intake/|broker/policy/(request|verdict)\.h$)' ;;
        broker/enforce) allowed='broker/(base|policy|enforce)/' ;;
        broker/bpf) allowed='proto/' ;;
        broker) allowed='(proto|broker)/' ;;
        cli) allowed='(cli/|proto/call\.h$|broker/[a-z_]+\.h$|broker/(policy|enforce|base|plan)/[a-z_]+\.h$)' ;;
        tests | tests/*) allowed='.' ;;
        *) allowed='^$' ;;
        esac
}

# The one door of each library: its headers, and the files that may include them.
doors=('^(json-c/|json\.h)' '^Z(ydis|ycore)' '^(seccomp\.h)' '^(bpf/)')
behind=('^broker/policy/' '^(broker/plan/scan|tests/unit/plan)/' '^(broker/enforce/filter[a-z_]*\.c|broker/plan/scan/)'
        '^broker/bpf/')

failures=0
complain() {
        printf '%s\n' "$*" >&2
        failures=$((failures + 1))
}

check_include() {
        local file=$1 line=$2 quoted=$3 included=$4 folder=${1%/*} door
        if [ "$quoted" = '"' ]; then
                may_include "$folder"
                # The intake room names a narrow list, so its own folder check is anchored too.
                [[ $included =~ ^$allowed ]] || complain "$file:$line: $folder/ must not include \"$included\""
                [[ $folder == tests* || -e $included ]] || complain "$file:$line: \"$included\" is not named from the root"
        fi
        for door in "${!doors[@]}"; do
                if [[ $included =~ ${doors[door]} && ! $file =~ ${behind[door]} && $file != tests/* ]]; then
                        complain "$file:$line: <$included> belongs behind ${behind[door]#^}"
                fi
        done
}

includes() {
        find proto agent broker cli tests \( -name '*.[chS]' -o -name '*.def' \) -exec \
                grep -HnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]' {} + |
                sed -E 's/^([^:]+):([0-9]+):[^"<]*(["<])([^">]*).*/\1 \2 \3 \4/' | sort || :
}

syntax() {
        ${CC:-cc} -std=gnu17 -D_GNU_SOURCE -I. -fsyntax-only -x c -Wall -Wextra -Werror -Wno-unused-function "$@" 2>/dev/null
}

# All at once, each by itself; one by one only to tell which it was.
check_headers() {
        local headers header
        mapfile -t headers < <(find proto agent broker cli -name '*.h' | sort)
        [ ${#headers[@]} -gt 0 ] && syntax "${headers[@]}" && return
        for header in "${headers[@]}"; do
                syntax "$header" || complain "$header: does not compile alone"
        done
}

check_tree() {
        local file line quoted included
        cd "$1"
        while read -r file line quoted included; do
                check_include "$file" "$line" "$quoted" "$included"
        done < <(includes)
        check_headers
        [ "$failures" = 0 ] || { printf '%d violations\n' "$failures" >&2 && return 1; }
}

# Each line: a file, and what it says, that has to be refused.
self_test() {
        local missed=0 file content
        tree=$(mktemp -d)
        trap 'rm -rf "$tree"' EXIT
        mkdir -p "$tree"/{proto,agent,cli,tests/unit} "$tree"/broker/{base,policy,plan/scan,intake,enforce}
        touch "$tree"/{proto/ring.h,agent/gate.h,broker/session.h,broker/base/err.h,broker/policy/policy.h}
        touch "$tree"/{broker/policy/request.h,broker/enforce/filter.h,broker/intake/decode.h,broker/plan/plan_store.h}
        (check_tree "$tree") || { echo 'self-test: a clean tree is refused' >&2 && return 1; }
        while IFS='|' read -r file content; do
                printf '%s\n' "$content" >"$tree/$file"
                if (check_tree "$tree") 2>/dev/null; then
                        echo "self-test: missed $content in $file" >&2
                        missed=1
                fi
                rm "$tree/$file"
        done <<'END'
proto/x.h|#include "agent/gate.h"
agent/x.c|#include "broker/base/err.h"
broker/base/x.c|#include "broker/policy/policy.h"
broker/policy/x.c|#include "proto/ring.h"
broker/plan/x.c|#include "broker/policy/policy.h"
broker/intake/x.c|#include "broker/policy/policy.h"
broker/intake/x.c|#include "broker/enforce/filter.h"
broker/enforce/x.c|#include "broker/intake/decode.h"
broker/enforce/x.c|  #  include "proto/ring.h"
cli/x.c|#include "proto/ring.h"
cli/x.c|#include "broker/intake/decode.h"
broker/x.c|#include "policy/policy.h"
broker/x.c|#include "agent/gate.h"
broker/policy/x.c|#include <seccomp.h>
broker/enforce/x.c|#include <seccomp.h>
cli/x.c|#include <json-c/json.h>
broker/enforce/x.c|#include <json.h>
broker/plan/x.c|#include <Zydis/Zydis.h>
broker/base/x.h|struct absent_type x; int f(unknown_t y);
END
        [ "$missed" = 0 ] && echo 'self-test: every violation is found'
}

if [ "${1:-}" = --self-test ]; then
        self_test
else
        check_tree "${1:-$here/../..}"
fi
