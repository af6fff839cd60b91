#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Supervised and approved, a program sees what it would see bare (I9).
. "$(dirname "$0")/lib.sh"

tree() { # WHERE: an equal tree each time
    rm -rf "$1" "$(dirname "$1")/x"
    mkdir "$1"
    "$BIN/native" "$1" prepare
}

same() { # NAME
    if [ "$output" = "$want" ]; then pass "$1"; else fail "$1" "$(diff <(echo "$want") <(echo "$output"))"; fi
}

# What is left behind: names, modes, sizes.
left() {
    (cd "$1" && find . -printf '%p %M %s %l\n' | sed '/ d/s/ [0-9]* / /' | sort)
}

scenario "bare"
tree "$OUT/tree"
want=$("$BIN/native" "$OUT/tree" "$T/work" 2>&1)
want_left=$(left "$OUT/tree")
equal "all of it ran" "$([ "$(wc -l <<<"$want")" -gt 1500 ] && echo yes)" yes
tree "$OUT/tree"
output=$("$BIN/native" "$OUT/tree" "$T/work" 2>&1)
same "twice the same"

scenario "outside, allowed"
tree "$OUT/tree"
run --on-ask allow -- "$BIN/native" "$OUT/tree" "$T/work"
same "as bare"
equal "status" "$status" 0
output=$(left "$OUT/tree") want_saved=$want want=$want_left
same "and leaves the same behind"
want=$want_saved

scenario "inside the floor"
tree "$OUT/tree"
run --on-ask deny -a "$OUT" -- "$BIN/native" "$OUT/tree" "$T/work"
same "as bare"
output=$(left "$OUT/tree") want=$want_left
same "and leaves the same behind"
want=$want_saved

scenario "signals to the process while two of its threads wait"
echo other >"$OUT/other"
run_background --ui attach -- "$BIN/two" "$SECRET" "$OUT/other"
first=$(wait_request secret.txt)
second=$(wait_request /other)
"$NONO" allow "$first" >/dev/null
"$NONO" allow "$second" >/dev/null
join_background
equal "each thread gets its file" "$output" "two: ok, ok"

scenario "a call that blocks after its approval"
mkfifo "$OUT/fifo"
run --on-ask allow -- timeout -s KILL "$PATIENCE" $PYTHON -c '
import signal, sys
signal.signal(signal.SIGALRM, lambda *a: sys.exit(7))
signal.setitimer(signal.ITIMER_REAL, 0.3)
open(sys.argv[1])' "$OUT/fifo"
equal "a handler runs" "$status" 7
start=$SECONDS
run --on-ask allow -- bash -c "for i in {1..80}; do timeout -s KILL 0.3 cat $OUT/fifo & done; wait; for i in {1..9}; do timeout 2 sh -c 'echo through >$OUT/fifo' & timeout 2 cat $OUT/fifo && break; done; wait"
contains "80 that were killed leave room for one more" "$output" through
at_most "in time" $((SECONDS - start)) 20

scenario "carved out of the floor"
tree "$OUT/tree"
export XDG_STATE_HOME=$OUT/tree/state
run --on-ask deny -a "$OUT" -- "$BIN/native" "$OUT/tree" "$T/work"
same "as bare"
finish
