#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# git init, add, commit, log.
. "$(dirname "$0")/lib.sh"
need git
prepare() {
        rm -rf "$DIR"
        mkdir -p "$DIR/home" "$DIR/secret"
        echo x >"$DIR/forbidden.txt"
        cat >"$DIR/life.sh" <<'END'
set -e
export HOME=$PWD/home GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE='2020-01-02T03:04:05Z' GIT_COMMITTER_DATE='2020-01-02T03:04:05Z'
git config --global user.name Tester
git config --global user.email tester@example.org
git config --global init.defaultBranch main
git init -q repository
cd repository
for i in $(seq 40); do echo "line $i" >"file$i"; done
git add .
git commit -q -m 'first'
echo more >>file1
git mv file2 moved
git status --short
git commit -q -a -m 'second'
git checkout -q -b other HEAD~1
git merge -q main
git log --oneline --stat
git gc -q
git fsck
git clone -q . ../clone 2>&1
git -C ../clone log --format=%H
git diff HEAD~1 --stat
END
}
for tier in plain rich; do
        compare "a repository's life, $tier policy" "$policies/$tier.json" sh life.sh
done
refusing=$(policy refusing <<END
{
  "flicker": 1,
  "extends": ["$policies/plain.json"],
  "files": { "deny": [
    "**/COMMIT_EDITMSG"
  ] }
}
END
)
for mode in $modes; do
        prepare
        run "$mode" "$refusing" sh life.sh
        equal "refused ($mode): status" 128 "$status"
        check "refused ($mode): message" grep -q "could not open '.git/COMMIT_EDITMSG': Permission denied" "$err"
        explained "refused ($mode)" "$err" "[a-z]+ $DIR/repository/.git/COMMIT_EDITMSG.*" "$(rule 'files.deny[0]' refusing.json)"
done
finish
