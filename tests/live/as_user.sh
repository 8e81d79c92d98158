#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs one live test as an ordinary user, from the copy that stage.sh made. as_user.sh STAGE_FILE TEST
set -u
[ "$(id -u)" = 0 ] || { echo "skipped: not root, so the test itself runs as an ordinary user"; exit 77; }
stage=$(cat "$1") || exit 1
temporary=$(mktemp -d /tmp/flicker-user.XXXXXX) || exit 1
trap 'rm -rf "$temporary"' EXIT
chown nobody:nogroup "$temporary"
cd "$temporary" || exit 1
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$temporary" USER=nobody TMPDIR="$temporary" \
        XDG_CACHE_HOME="$stage/cache" FLICKER_RUN="$stage/bin/flicker-run" LIVE_BIN="$stage/live-bin" \
        FLICKER_POLICIES="$stage/share/flicker/policies" ${LIVE_MODES:+LIVE_MODES="$LIVE_MODES"} \
        setpriv --reuid=nobody --regid=nogroup --clear-groups bash "$stage/live/$2"
