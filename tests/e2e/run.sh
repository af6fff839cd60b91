#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh root|user NONO TRACEE_DIR SCRIPT - runs one end-to-end script with a home, a runtime
# directory and programs of its own. "user" gives up root when that is what we are.
set -u
# CTest leaves descriptors open, which a program run bare would see.
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
# CTest leaves descriptors of its own open: a bare run would count them, a supervised one not.
for fd in /proc/$$/fd/*; do
    fd=${fd##*/}
    [ "$fd" -le 2 ] || [ "$fd" = 255 ] || eval "exec $fd>&-"
done
identity=$1 nono=$2 tracees=$3 script=$4
# Not below /tmp: that is writable for the sandbox by default.
T=$(mktemp -d /var/tmp/nono-e2e.XXXXXX) || exit 1
# Nothing of the test may outlive it: whatever still carries its directory in the environment is
# one of its processes.
cleanup() {
    local environ
    for environ in $(grep -lzx "NONO_E2E_DIR=$T" /proc/[0-9]*/environ 2>/dev/null); do
        environ=${environ#/proc/}
        kill -KILL "${environ%/environ}" 2>/dev/null
    done
    chmod -R u+rwx "$T" 2>/dev/null
    rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 1' TERM INT HUP
mkdir -m 0755 "$T/bin" "$T/e2e" "$T/work" "$T/outside" "$T/tmp"
mkdir -m 0700 "$T/home" "$T/run"
chmod 0755 "$T"
cp "$nono" "$T/bin/nono"
cp "$tracees"/* "$T/bin/" 2>/dev/null
[ -z "${NONO_TEST_PROGRAMS:-}" ] || cp "$NONO_TEST_PROGRAMS"/* "$T/bin/" 2>/dev/null
cp "$(dirname "$0")"/lib.sh "$script" "$T/e2e/"
cp "$(dirname "$0")"/../../docs/*.md "$T/e2e/"

as=()
if [ "$(id -u)" = 0 ] && [ "$identity" = user ]; then
    chown -R 65534:65534 "$T"
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
fi
cd "$T/work" || exit 1
[ "${NONO_TEST_LONG:-0}" = 1 ] && patience=1800 || patience=220
# A little before CTest gives up: it kills without letting the trap clean up.
env -i NONO_E2E_DIR="$T" NONO="$T/bin/nono" HOME="$T/home" XDG_RUNTIME_DIR="$T/run" \
    PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin SHELL=/bin/bash TERM=xterm-256color \
    LANG=C.UTF-8 TZ=UTC USER="$identity" NONO_MUST_RUN="${NONO_MUST_RUN:-}" \
    NONO_TEST_LONG="${NONO_TEST_LONG:-0}" \
    ${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} \
    timeout --kill-after=5 "$patience" "${as[@]}" /bin/bash "$T/e2e/$(basename "$script")" </dev/null &
wait $!
exit $?
