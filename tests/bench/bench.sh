#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bench.sh BUILD_DIR - prints the figures as a table. Times are of this machine; the ratios travel.
set -u
build=$(readlink -f "$1") || exit 1
nono=$build/nono bin=$build/tests/bench
T=$(mktemp -d /var/tmp/nono-bench.XXXXXX) || exit 1
trap 'rm -rf "$T"' EXIT
mkdir -p "$T/home" "$T/run" "$T/work" "$T/outside"
export HOME="$T/home" XDG_RUNTIME_DIR="$T/run"
chmod 700 "$T/run"
unset XDG_STATE_HOME XDG_CONFIG_HOME
cp "$bin"/* "$T/work/"
echo inside >"$T/work/inside"
echo outside >"$T/outside/file"
cd "$T/work" || exit 1

row() {
    printf '%-58s %10s %8s\n' "$1" "$2" "${3:-}"
}
ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2fx", a / b }'
}
# The median of the first field of five runs.
five() {
    for _ in 1 2 3 4 5; do "$@" </dev/null 2>/dev/null; done | sort -n | sed -n 3p | cut -d' ' -f1
}
milliseconds() {
    local start end
    start=$(date +%s%N)
    "$@" </dev/null >/dev/null 2>&1
    end=$(date +%s%N)
    echo $(((end - start) / 1000))
}
# The median wall time, in ms, of nine runs.
nine() {
    for _ in 1 2 3 4 5 6 7 8 9; do milliseconds "$@"; done | sort -n | sed -n 5p |
        awk '{ printf "%.2f", $1 / 1000 }'
}

row "open+close, microseconds (absolute path, median)" us ratio
bare=$(five ./opens "$T/work/inside")
row "  bare" "$bare"
nosync=$(five ./floor nosync ./opens "$T/work/inside")
row "  the floor, without SYNC_WAKE_UP" "$nosync"
sync=$(five ./floor sync ./opens "$T/work/inside")
row "  the floor, with SYNC_WAKE_UP" "$sync" 1.00x
v=$(five "$nono" run --on-ask deny -- ./opens "$T/work/inside")
row "  nono, inside the floor" "$v" "$(ratio "$v" "$sync")"
v=$(five "$nono" run --on-ask deny -- ./opens inside)
row "  nono, inside the floor, relative path" "$v" "$(ratio "$v" "$sync")"
v=$(five "$nono" run --on-ask allow -- ./opens "$T/outside/file")
row "  nono, a session grant outside" "$v" "$(ratio "$v" "$sync")"
v=$(five strace -f --seccomp-bpf -e trace=openat -o /dev/null ./opens "$T/work/inside" 5 200)
row "  strace -f --seccomp-bpf -e trace=openat" "$v" "$(ratio "$v" "$sync")"

echo
row "single opens of others, microseconds" p50 p99
set -- $("$nono" run --on-ask deny -- ./opens "$T/work/inside" 15 4000 </dev/null)
row "  nothing pending" "$2" "$3"
set -- $("$nono" run --ui attach --ask-timeout 0 -- \
    sh -c "cat $T/outside/file & ./opens $T/work/inside 15 4000; kill \$!" </dev/null 2>/dev/null)
row "  one request pending" "$2" "$3"

echo
row "whole programs, milliseconds (median of 9)" bare "nono"
git init -q "$T/work/repo" && cp -r /usr/include/linux "$T/work/repo/" &&
    (cd "$T/work/repo" && git add . && git -c user.name=b -c user.email=b@b commit -qm x)
mkdir "$T/work/c"
for i in 1 2 3 4 5 6 7 8; do printf '#include <stdio.h>\nint f%d(void){return puts("x");}\n' $i >"$T/work/c/f$i.c"; done
printf 'O=f1.o f2.o f3.o f4.o f5.o f6.o f7.o f8.o\nlib.a: $O\n\tar rc $@ $O\nclean:\n\trm -f $O lib.a\n' >"$T/work/c/Makefile"
compare() {
    local name=$1 a b
    shift
    a=$(nine "$@")
    b=$(nine "$nono" run --on-ask deny -- "$@")
    row "  $name" "$a" "$b  $(ratio "$b" "$a")"
}
compare "find /usr" find /usr
compare "git status" git -C repo status
compare "make of 8 C files" sh -c 'make -s -C c clean; make -s -C c'

echo
a=$(nine /bin/true)
b=$(nine "$nono" run --ui none -- /bin/true)
row "start-up: true, nono run --ui none -- true, milliseconds" "$a" "$b"
"$nono" run --ui attach --ask-timeout 0 -- cat "$T/outside/file" </dev/null >/dev/null 2>&1 &
pid=$!
until "$nono" pending 2>/dev/null | grep -q outside; do :; done
row "resident memory of nono while a request waits, MiB" \
    "$(awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' /proc/$pid/status)"
"$nono" deny 1 >/dev/null 2>&1
wait
