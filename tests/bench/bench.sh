#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bench.sh BUILD [ROUNDS] - the table of figures. Absolutes are this machine's; ratios travel.
set -u
build=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
rounds=${2:-5}
nono=$build/nono bin=$build/tests/bench
N=20000
T=$(mktemp -d /var/tmp/nono-bench.XXXXXX) || exit 1
trap 'rm -rf "$T"' EXIT
trap 'exit 1' TERM INT HUP
mkdir "$T/work" "$T/home" "$T/run" "$T/outside" "$T/bin"
chmod 0700 "$T/run"
cp "$bin/opens" "$bin/floor" "$bin/sockets" "$T/bin/" && [ -x "$nono" ] || exit 1
echo x >"$T/outside/file"
echo x >"$T/work/file"
cd "$T/work" || exit 1
export HOME=$T/home XDG_RUNTIME_DIR=$T/run GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
unset XDG_STATE_HOME
run=("$nono" run --ui none --on-ask deny -r "$T/bin" --)

median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# Median over the rounds of a measurement "p50 p99": sets p50, p99.
measure() { # COMMAND...
    local out=()
    for _ in $(seq "$rounds"); do out+=("$("$@")"); done
    p50=$(printf '%s\n' "${out[@]}" | cut -d' ' -f1 | median)
    p99=$(printf '%s\n' "${out[@]}" | cut -d' ' -f2 | median)
}

request_id() {
    local id end=$((SECONDS + 20))
    until id=$("$nono" pending --jsonl 2>/dev/null | grep -o '"request": *[0-9]*' | head -n 1) &&
        [ -n "$id" ]; do
        [ $SECONDS -lt $end ] || { echo "no request appears" >&2; kill $$; exit 1; }
        sleep 0.02
    done
    echo "${id##*[!0-9]}"
}

granted() { # opens of a file outside, allowed for the session
    "$nono" run --ui attach -r "$T/bin" -- "$T/bin/opens" "$T/outside/file" $N >"$T/out" &
    "$nono" allow "$(request_id)" --session >/dev/null
    wait $!
    cat "$T/out"
}

pending() { # opens of a granted file while a request waits
    "$nono" run --ui attach -r "$T/bin" -- sh -c \
        "cat $T/outside/file >/dev/null & while [ ! -e go ]; do sleep 0.02; done; $T/bin/opens file $N; : >measured; wait" >"$T/out" 2>/dev/null &
    local id
    id=$(request_id)
    : >go
    until [ -e measured ]; do sleep 0.02; done
    "$nono" deny "$id" >/dev/null
    wait $!
    rm -f go measured
    cat "$T/out"
}

row() { # NAME [BASE]
    printf '%-44s %9.2f %9.2f %9.2fx' "$1" "$(us "$p50")" "$(us "$p99")" "$(ratio "$p50" "$bare")"
    [ -z "${2:-}" ] || printf ' %9.2fx' "$(ratio "$p50" "$2")"
    echo
}
us() { awk -v n="$1" 'BEGIN {print n / 1000}'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {print b ? a / b : 0}'; }

printf '%-44s %9s %9s %10s %10s\n' "open + close, medians of $rounds x $N" "p50 µs" "p99 µs" "to bare" "to floor"
measure "$T/bin/opens" file $N
bare=$p50
row "bare"
measure "$T/bin/floor" plain "$T/bin/opens" file $N
row "floor: CONTINUE"
measure "$T/bin/floor" sync "$T/bin/opens" file $N
floor=$p50
row "floor: CONTINUE with SYNC_WAKE_UP" "$floor"
measure "${run[@]}" "$T/bin/opens" file $N
inside=$p50
row "nono, inside the floor" "$floor"
measure "$T/bin/floor" sync "$T/bin/opens" "$T/work/file" $N
floor_absolute=$p50
row "floor, SYNC_WAKE_UP, an absolute path" "$floor_absolute"
measure "${run[@]}" "$T/bin/opens" "$T/work/file" $N
inside_absolute=$p50
row "nono, inside, an absolute path" "$floor_absolute"
measure pending
row "nono, inside, while one request is pending" "$floor"
measure granted
row "nono, outside, granted for the session" "$floor"
if command -v strace >/dev/null; then
    measure strace -qq -f --seccomp-bpf -e trace=openat -o /dev/null "$T/bin/opens" file $N
    row "strace -f --seccomp-bpf -e trace=openat" "$floor"
fi

for call in connect sendto sendmsg; do
    printf '\n%-44s %9s %9s %10s %10s\n' "$call, medians of $rounds x $N" "p50 µs" "p99 µs" "to bare" "to floor"
    measure "$T/bin/sockets" $call $N
    bare=$p50
    row "bare"
    # sendmsg hands the floor's own listener over: it is held against sendto.
    if [ $call != sendmsg ]; then
        measure "$T/bin/floor" sync "$T/bin/sockets" $call $N
        floor_call=$p50
        row "floor: CONTINUE with SYNC_WAKE_UP" "$floor_call"
    fi
    measure "$nono" run --ui none --net allow -r "$T/bin" -- "$T/bin/sockets" $call $N
    row "nono, on behalf" "$floor_call"
done

elapsed() { # COMMAND...: ns
    local start
    start=$(date +%s%N)
    "$@" >/dev/null 2>&1
    echo $(($(date +%s%N) - start))
}
elapsed_median() { # TIMES COMMAND...
    local times=$1
    shift
    for _ in $(seq "$times"); do elapsed "$@"; done | median
}
whole() { # NAME TIMES LINE
    local bare_ns nono_ns
    bash -c "$3" >/dev/null 2>&1
    bare_ns=$(elapsed_median "$2" bash -c "$3")
    nono_ns=$(elapsed_median "$2" "${run[@]}" bash -c "$3")
    printf '%-44s %9.1f %9.1f %9.2fx\n' "$1" "$(ms "$bare_ns")" "$(ms "$nono_ns")" \
        "$(ratio "$nono_ns" "$bare_ns")"
}
ms() { awk -v n="$1" 'BEGIN {print n / 1000000}'; }

git init -q repo
for i in $(seq 300); do echo "$i" >"repo/f$i"; done
git -C repo add . && git -C repo -c user.name=t -c user.email=t@example.org commit -qm all
mkdir project
for i in $(seq 12); do echo "#include <stdio.h>
int f$i(void); int f$i(void) { return printf(\"%d\", $i); }" >"project/f$i.c"; done
printf 'lib.a: $(patsubst %%.c,%%.o,$(wildcard *.c))\n\tar rcs $@ $^\n' >project/Makefile
echo
printf '%-44s %9s %9s %10s\n' "whole programs, medians" "bare ms" "nono ms" "ratio"
whole "find /usr" 5 'find /usr'
whole "git status" 11 'git -C repo status'
whole "make of 12 C files" 5 'make -s -C project clean; rm -f project/*.[oa]; make -s -C project'

echo
t_true=$(elapsed_median 101 /bin/true)
t_nono=$(elapsed_median 101 "$nono" run --ui none -- /bin/true)
printf '%-44s %9.2f ms (true alone %.2f ms)\n' "start-up of nono run --ui none -- true, over true" \
    "$(ms $((t_nono - t_true)))" "$(ms "$t_true")"
screen_row() { # NAME P50 P99 GOAL
    printf '%-44s %9.2f %9.2f   %s\n' "$1" "$(ms "$2")" "$(ms "$3")" "$4"
}
echo
printf '%-44s %9s %9s   %s\n' "the screen, 10 000 requests waiting" "p50 ms" "p99 ms" "goal"
mapfile -t figures < <("$bin/screen" 1000)
screen_row "a key that moves, and its frame" ${figures[0]} "16"
screen_row "a new request, and its frame" ${figures[1]} "16"
printf '%-44s %9.1f MB\n' "resident memory of these requests" "${figures[2]}"
mkdir "$T/pane"
for i in $(seq 0 99); do echo x >"$T/pane/f$i."; done
cp "$bin/screen_approve" "$T/bin/"
mapfile -t figures < <("$T/bin/screen_approve" "$nono" "$T/pane" 100)
screen_row "a call, to its request on the terminal" ${figures[0]} "p99 16"
screen_row "the key, to the call's return, recorded" ${figures[1]} "p50 3, p99 15"
screen_row "  one page to this disk (fdatasync), beside it" ${figures[2]} "-"
echo
"$nono" run --ui attach -r "$T/bin" -- sh -c "cat $T/outside/file" >/dev/null 2>&1 &
supervisor=$!
id=$(request_id)
printf '%-44s %9.1f MB\n' "resident memory, one request waiting" \
    "$(awk '/^VmRSS/ {print $2 / 1024}' "/proc/$supervisor/status")"
"$nono" deny "$id" >/dev/null
wait $supervisor
echo
"$bin/record" "$T/bench.db" 1000000
mapfile -t figures < <("$bin/record_writers" "$T/one.db" 1 300 | tr ' ' '\n')
screen_row "a decision, to its commit (p50, p99 ms)" ${figures[0]} ${figures[1]} "-"
mapfile -t figures < <("$bin/record_writers" "$T/four.db" 4 300 | tr ' ' '\n')
screen_row "  four sessions at once, and a reader" ${figures[0]} ${figures[1]} "p99 15"
echo
"$bin/record_fill" "$T/log.db" 1000000 10
"$bin/record_fill" "$T/giant.db" 1000000 1
"$bin/record_fill" "$T/recorded.db" 180000 1 2
"$here/log.sh" "$build" "$T/log.db" "$T/giant.db" "$T/recorded.db"
echo
printf 'goals: inside / floor %.2f, by an absolute path %.2f (1.6), start-up %.1f ms (6)\n' \
    "$(ratio "$inside" "$floor")" "$(ratio "$inside_absolute" "$floor_absolute")" \
    "$(ms $((t_nono - t_true)))"
