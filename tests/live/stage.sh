#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# stage.sh make FILE BINARY_DIR LIVE_BIN | stage.sh remove FILE
# Copies what live tests need to where an ordinary user can read it, and notes the place in FILE: a
# checkout beneath a home directory is not readable to others.
set -eu
case $1 in
make)
        stage=$(mktemp -d /tmp/flicker-stage.XXXXXX)
        printf '%s\n' "$stage" >"$2"
        here=$(cd "$(dirname "$0")" && pwd)
        mkdir "$stage/cache" "$stage/live-bin"
        for part in bin libexec share; do
                if [ -d "$3/$part" ]; then cp -r "$3/$part" "$stage/"; fi
        done
        cp -r "$here" "$stage/live"
        find "$4" -maxdepth 1 -type f -perm -u+x -exec cp {} "$stage/live-bin/" \;
        chmod -R a+rX "$stage"
        if [ "$(id -u)" = 0 ]; then chown nobody:nogroup "$stage/cache"; fi
        ;;
remove)
        stage=$(cat "$2")
        case $stage in /tmp/flicker-stage.*) rm -rf "$stage" ;; esac
        rm -f "$2"
        ;;
esac
