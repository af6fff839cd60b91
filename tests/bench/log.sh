#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# log.sh BUILD FILE [GIANT [RECORDED]] - what it takes to read a record (of record_fill), one of a
# single session, and one with a terminal of two hours: best of three, elapsed and processor time in
# ms. The goals are those of a quiet machine.
set -u
nono=$(readlink -f "$1")/nono
db=$2
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

row() { # GOAL NAME SINK ARGS...
    local goal=$1 name=$2 sink=$3 best=999999 cpu=0 start elapsed user sys i
    shift 3
    for i in 1 2 3; do
        start=$(date +%s%N)
        # Processor time of the child alone.
        read -r user sys < <({ TIMEFORMAT='%U %S'; time "$nono" "$@" --db "$db" 2>/dev/null | $sink >"$out"; } 2>&1)
        elapsed=$((($(date +%s%N) - start) / 1000000))
        [ "$elapsed" -ge "$best" ] || { best=$elapsed; cpu=$(awk -v u="$user" -v s="$sys" 'BEGIN {printf "%d", (u + s) * 1000}'); }
    done
    printf '%-44s %6d %6d   goal %s\n' "$name" "$best" "$cpu" "$goal"
}

printf '%-44s %6s %6s\n' "a record of $(stat -c %s "$db") bytes" ms cpu
row 100 "log, first page" "head -n 50" log
row 100 "log -n 50" cat log -n 50
row 100 "log @ -n 50" cat log @ -n 50
row 300 "log --decision withdrawn" cat log --decision withdrawn
row 300 "log --decision deny -n 50" cat log --decision deny -n 50
row 300 "log --by user -n 50" cat log --by user -n 50
row 300 "log --op bind" cat log --op bind
row 300 "log --op read -n 50" cat log --op read -n 50
row 300 "log --path (some)" cat log --path '/etc/letsencrypt/module-77/*'
row 300 "log --path (none)" cat log --path '/nowhere/*'
row 300 "log --exe (none)" cat log --exe nothing
row 300 "log --host (none)" cat log --host '10.0.0.0/8'
row 300 "log --port" cat log --port 22
row 300 "log --pid" cat log --pid 1234
row 300 "log --risk high -n 50" cat log --risk high -n 50
row 300 "log --waited '>39s' -n 50" cat log --waited '>39s' -n 50
row 300 "log --asked -n 50" cat log --asked -n 50
row 300 "log --kind fault" cat log --kind fault
row 300 "log --since --until, a minute" cat log --since @1760777600 --until @1760777660
row 300 "log --grep WORD" cat log --grep module-4242
row 300 "log --grep REGEX" cat log --grep 'module-42[0-9]2/part7'
row 1000 "log --stats" cat log --stats
row 1000 "log --stats --group dir" cat log --stats --group dir
row - "replay --policy default" cat replay --policy default --exit-code
[ -z "${3:-}" ] || db=$3
[ -z "${3:-}" ] || row 100 "log, first page of one giant session" "head -n 50" log
[ -z "${3:-}" ] || row 100 "log @ -n 50 of it" cat log @ -n 50

# Processor time of a key, the frame it leads to included; a frame is 16 ms.
on() { tmux -S "$socket" "$@"; }
used() { awk '{print ($14 + $15) * 10}' "/proc/$pid/stat"; }
keys() { # NAME KEY...: a hundred of them
    local name=$1 before key i n
    shift
    before=$(used)
    n=$((100 / $#))
    # Each by itself: of several at once only the last one is drawn.
    for i in $(seq $n); do
        for key; do on send-keys "$key" && sleep 0.02; done
    done
    sleep 0.3
    printf '%-44s %6s %6s   goal 16\n' "$name" - \
        "$(awk -v used=$(($(used) - before)) -v n=$((n * $#)) 'BEGIN {printf "%.1f", used / n}')"
}

browser() {
    local socket pid key i
    socket=$(mktemp -u)
    on -f /dev/null new-session -d -x 80 -y 24 "LANG=C.UTF-8 exec '$nono' log -i --db '$db'"
    pid=$(on display -p '#{pane_pid}')
    for i in $(seq 50); do
        on capture-pane -p | grep -q 'q leave' && break
        sleep 0.1
    done
    printf '%-44s %6s %6d   goal 500\n' "log -i, open" - "$(used)"
    on send-keys / part7 Enter
    for i in $(seq 50); do
        on capture-pane -p | tail -n 1 | grep -q 'q leave' && break
        sleep 0.1
    done
    for key in k N PPage; do
        keys "log -i, key $key" "$key"
    done
    on send-keys C-c
}

replay() { # WHAT FILE
    local socket pid before last i
    socket=$(mktemp -u)
    on -f /dev/null new-session -d -x 80 -y 24 "LANG=C.UTF-8 exec '$nono' replay --db '$2'"
    pid=$(on display -p '#{pane_pid}')
    for i in $(seq 50); do
        on capture-pane -p | grep -q ' of ' && break
        sleep 0.1
    done
    printf '%-44s %6s %6d   goal 500\n' "replay $1, open" - "$(used)"
    on send-keys Space
    # Until the looking ahead is done.
    before=$(used)
    for last in 1 0; do
        while [ "$last" != "$(used)" ]; do
            last=$(used)
            sleep 0.3
        done
    done
    printf '%-44s %6s %6d\n' "  what it looks ahead for jumps" - "$(($(used) - before))"
    keys "  a seek" 9 2 7 0 5
    keys "  a step back" ,
    on send-keys C-c
}
if command -v tmux >/dev/null; then
    browser
    [ -z "${3:-}" ] || replay "of a giant session" "$3"
    [ -z "${4:-}" ] || replay "of a terminal of two hours" "$4"
fi
